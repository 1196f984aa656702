/**
 * A gear whose autoscaler is looked at: a real HAProxy before PHP in a real gear, and a broker that is really asked.
 * Times are shortened by the variables a tenant has for them.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { aliasCartridge, installCartridge } from '../../src/cartridge/repository.js';
import { executeInGear } from '../../src/gear/execute.js';
import { groupPath } from '../../src/gear/limits.js';
import { processes } from '../../src/host/cgroup.js';
import { addBrokerAuth } from '../../src/operations/broker-auth.js';
import { addVariable } from '../../src/operations/variables.js';
import { act, cartridgeNode, emptyGear, repository, uuid } from './cartridge-node.js';
import { RecordingBroker } from './recording-broker.js';

export const FLAP = 8;
export const broker = await new RecordingBroker().open();
export const node = await cartridgeNode();
await installCartridge(node, `${repository}cartridges/haproxy`);
await aliasCartridge(node, 'haproxy-1.4=haproxy-2.6');
writeFileSync(
  '/etc/openshift/env/OPENSHIFT_CARTRIDGE_SDK_BASH',
  `${node.config.libexecDir}/cartridges/sdk/bash/sdk`,
);
export const gear = await emptyGear(node);
export const log = `${gear.home}/app-root/logs/haproxy-1.4-scale_events.log`;
const proxy = '127.0.253.130';
export const secrets = [broker.auth.token, broker.auth.iv].flatMap((text) =>
  text.split('\n').filter((line) => line.length > 3),
);

for (const [name, value] of Object.entries({
  OPENSHIFT_BROKER_URL: broker.url,
  OPENSHIFT_MAX_SESSIONS_PER_GEAR: '4',
  OPENSHIFT_HAPROXY_SCALE_POLL_SECONDS: '1',
  OPENSHIFT_HAPROXY_SCALE_SAMPLES: '3',
  OPENSHIFT_HAPROXY_SCALE_REMOVE_POLLS: '4',
  OPENSHIFT_HAPROXY_SCALE_FLAP_SECONDS: String(FLAP),
  OPENSHIFT_HAPROXY_SCALE_LIMITS_SECONDS: '1',
  OPENSHIFT_HAPROXY_SCALE_LOG_SECONDS: '1',
  OPENSHIFT_HAPROXY_BROKER_SECONDS: '3',
}))
  await addVariable(node, { uuid, name, value });

/** As the gear, with the environment of its cartridges: what a person does over SSH. */
export async function inGear(
  script: string,
  keep = false,
): Promise<{ text: string; exitCode: number | undefined }> {
  const { stdout, stderr, exitCode } = await executeInGear(node, gear, {
    file: '/bin/bash',
    argv: ['bash', '-c', script],
    keep,
  });
  return { text: stdout.toString() + stderr.toString(), exitCode };
}

export const ctld = (words: string): Promise<{ text: string; exitCode: number | undefined }> =>
  inGear(`haproxy-1.4/bin/haproxy_ctld ${words}`);

export const commandLine = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
};

/** The autoscalers of the gear; a subshell that is about to become something else is its child and is not counted. */
export function autoscalers(): number[] {
  const all = processes(node.cgroups, groupPath(node, uuid)).filter((pid) =>
    commandLine(pid).some((word) => word.endsWith('/haproxy_ctld')),
  );
  const parent = (pid: number): number => {
    try {
      return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    } catch {
      return all[0] ?? 0; // it has ended: not one that runs
    }
  };
  return all.filter((pid) => !all.includes(parent(pid)));
}

export async function oneAutoscaler(): Promise<number> {
  const started = (): boolean =>
    autoscalers().length === 1 && events().some((line) => line.includes('starts'));
  for (let tries = 0; tries < 100 && !started(); tries += 1) await sleep(20);
  const [pid, ...more] = autoscalers();
  if (pid === undefined || more.length > 0) throw new Error(`autoscalers: ${autoscalers().join(' ')}`);
  return pid;
}

export const lines = (): string[] =>
  existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [];
export const events = (): string[] => lines().filter((line) => !line.includes('GEAR_INFO'));

/** Requests that wait until the function that is handed back is called. */
export function hold(count: number, path = '/hold.php'): () => Promise<number[]> {
  const release = `${gear.home}/app-root/data/release`;
  rmSync(release, { force: true });
  const answers = Array.from(
    { length: count },
    () =>
      new Promise<number>((resolve) => {
        const asked = request({ host: proxy, port: 8080, path, agent: false }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        });
        asked.on('error', () => resolve(0));
        asked.end();
      }),
  );
  return async () => {
    writeFileSync(release, '');
    return Promise.all(answers);
  };
}

/** A second gear, as far as the proxy can tell: announced by the broker, its code brought up to date. */
export async function secondGear(there: boolean): Promise<void> {
  const lists = there
    ? `echo 'f00d second 127.0.253.129:8080' > conf/proxy.db; echo 'f00d@127.0.253.129:php-5.3;second' > conf/gear-registry.db`
    : `: > conf/proxy.db; : > conf/gear-registry.db`;
  const { text, exitCode } = await inGear(`cd haproxy-1.4 && { ${lists}; } && bin/control cond-reload`, true);
  if (exitCode !== 0) throw new Error(text);
}

/** All that was told and asked so far is over; the protection too. */
export async function calm(): Promise<void> {
  await act(node, 'haproxy-1.4', 'stop');
  await inGear('rm -f haproxy-1.4/run/scaling');
  rmSync(log, { force: true });
  broker.asked.length = 0;
  broker.instead = [];
  broker.limits = { from: 1, to: -1 };
  await act(node, 'haproxy-1.4', 'start');
}

/** PHP with a page that waits, HAProxy, and the gear's key to the broker. */
export async function configure(): Promise<void> {
  const page = `<?php while (!file_exists("${gear.home}/app-root/data/release")) { usleep(50000); clearstatcache(); }`;
  await act(node, 'php-5.3', 'configure');
  await inGear(`echo '${page}' > app-root/runtime/repo/hold.php`);
  const { exitCode, output } = await act(node, 'haproxy-1.4', 'configure');
  if (exitCode !== 0) throw new Error(output);
  await addBrokerAuth(node, { uuid, ...broker.auth });
}
