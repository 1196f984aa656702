/** Commands of an installed node as an operator types them, and a PHP gear with a public port made by them. */
import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { openGear, type Gear } from '../../src/gear/gear.js';
import type { Node } from '../../src/node/node.js';
import { desk, run, seedNode } from '../seed/seed-node.js';

export interface Ended {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line, by bash, as root. */
export function shell(line: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile('/bin/bash', ['-c', line], { encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ exit: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

export async function must(line: string): Promise<string> {
  const { exit, stdout, stderr } = await shell(line);
  if (exit !== 0) throw new Error(`${line} ended with ${exit}: ${stdout}${stderr}`);
  return stdout;
}

export const uuid = 'cc9beb39785a45b9b97bdc6951fc8dbf';

/** A node that resolves its own public name, and on it one gear whose PHP runs and has a public port. */
export async function nodeWithGear(): Promise<{ node: Node; gear: Gear; version: string }> {
  appendFileSync('/etc/hosts', '192.0.2.7 broker.test.example.com\n');
  const node = await seedNode(['--public-ip=192.0.2.7']);
  const version = /^PHP (\d+\.\d+)/.exec(await run('/usr/bin/php', ['--version']))?.[1] ?? '';
  const whose = `-a ${uuid} -c ${uuid}`;
  await must(`oo-app-create ${whose} --with-app-name phpapp --with-namespace demo`);
  const [type = '', key = ''] = (await must(`cat ${desk}/key.pub`)).split(' ');
  await must(`oo-authorized-ssh-key-add ${whose} -s ${key} -t ${type} -m pat`);
  await must(`oo-cartridge -a add -c ${uuid} -n php -p ${version} -o redhat`);
  await must(`oo-create-endpoints ${whose} -n php-${version}`);
  return { node, gear: openGear(node, uuid), version };
}
