/**
 * A broker for tests: it makes scaled applications on one node or several, by the requests that a broker of the seed's
 * time sends and in the seed's order, and takes every decision from the replies. It is a test's tool, and an example
 * for users of the library:
 *
 *     const broker = new Broker([inProcess(await openNode())], { keys: [{ comment: 'default', type, key }] });
 *     const app = await broker.createApplication({ name: 'sphpapp', namespace: 'demo' });
 *     await broker.addDatabase(app);
 *     await broker.scaleUp(app);
 *     await broker.scaleDown(app);
 *     await broker.destroyApplication(app);
 *
 * With nodes of two hosts, `[await startNode(one), await startNode(two)]` (remote-node.ts), `place` says which gear lives
 * where. Invariant: a node's error ends the sequence with a `BrokerError`; `broker.sent` holds all that was said.
 */
import { randomBytes } from 'node:crypto';
import type { Application, BrokerGear, Kind } from './application.js';
import { subscriberArguments, type Publication } from './connection.js';
import { decisionsOf, type Decisions } from './decisions.js';
import type { BrokerNode } from './node.js';
import {
  gearArguments,
  hookArguments,
  jobsByNode,
  parallelJob,
  type FinishedJob,
  type GearJob,
} from './requests.js';
import { Sender, type Sent } from './sender.js';

export interface PublicKey {
  readonly comment: string;
  readonly key: string;
  readonly type?: string;
}

export interface BrokerOptions {
  /** The keys that the owner of every application has. */
  readonly keys?: readonly PublicKey[];
  /** Which of the nodes gets a new gear; without it, all go to the first. */
  readonly place?: (kind: Kind, app: Application) => BrokerNode;
  /** The uid of a new gear, where a district's pool says it; without it, the node takes its next one. */
  readonly uid?: (app: Application) => number;
  readonly uuid?: () => string;
  readonly brokerAuth?: (app: Application) => { readonly iv: string; readonly token: string };
  /** The names the broker asks for. */
  readonly cartridges?: { readonly web: string; readonly proxy: string; readonly database: string };
  readonly sender?: string;
  /** Every request on its way out; what it returns is sent in its place. */
  readonly outgoing?: (request: Sent['request']) => Sent['request'];
}

export interface NewApplication {
  readonly name: string;
  readonly namespace: string;
  /** Web gears, with the head. Two in the seed. */
  readonly gears?: number;
}

const DUMMY = 'openshift-origin-node';

export class Broker {
  readonly #nodes: readonly BrokerNode[];
  readonly #options: BrokerOptions;
  readonly #sender: Sender;
  readonly #cartridges: { readonly web: string; readonly proxy: string; readonly database: string };

  constructor(nodes: readonly [BrokerNode, ...BrokerNode[]], options: BrokerOptions = {}) {
    this.#nodes = nodes;
    this.#options = options;
    this.#sender = new Sender(options.sender ?? 'broker.test.example.com', options.outgoing);
    this.#cartridges = options.cartridges ?? {
      web: 'php-5.3',
      proxy: 'haproxy-1.4',
      database: 'mysql-5.1',
    };
  }

  /** Every request and its reply, in the order of sending. */
  get sent(): readonly Sent[] {
    return this.#sender.sent;
  }

  /** A head gear with PHP and HAProxy, and web gears behind it, all in service. */
  async createApplication({ name, namespace, gears = 2 }: NewApplication): Promise<Application> {
    const app: Application = { name, namespace, uuid: this.#newUuid(), gears: [], keys: [] };
    app.keys.push(...(this.#options.keys ?? []));
    const head = await this.#createGear(app, 'head');
    const others: BrokerGear[] = [];
    for (let at = 1; at < gears; at += 1) others.push(await this.#createGear(app, 'web'));
    await this.#putWebCartridgeInto(app, head);
    await this.#configure(app, head, `embedded/${this.#cartridges.proxy}`);
    for (const gear of others) await this.#putWebCartridgeInto(app, gear);
    await this.connect(app);
    return app;
  }

  /** A database in a gear of its own. */
  async addDatabase(app: Application): Promise<BrokerGear> {
    const gear = await this.#createGear(app, 'database');
    await this.#configure(app, gear, `embedded/${this.#cartridges.database}`);
    await this.#exposePort(app, gear, this.#cartridges.database);
    await this.connect(app);
    return gear;
  }

  async scaleUp(app: Application): Promise<BrokerGear> {
    const gear = await this.#createGear(app, 'web');
    await this.#putWebCartridgeInto(app, gear);
    await this.connect(app);
    return gear;
  }

  /** Takes the newest web gear away. */
  async scaleDown(app: Application): Promise<BrokerGear> {
    const gear = app.gears.filter(({ kind }) => kind === 'web').at(-1);
    if (gear === undefined) throw new Error(`${app.name} has no gear but its head.`);
    await this.#destroyGear(app, gear);
    await this.connect(app);
    return gear;
  }

  /** Web gears, then the database, then the head. */
  async destroyApplication(app: Application): Promise<void> {
    for (const kind of ['web', 'database', 'head'] as const) {
      for (const gear of app.gears.filter((one) => one.kind === kind)) await this.#destroyGear(app, gear);
    }
  }

  /** The rounds of connectors, in the seed's order: the database's, the proxy's two, the database's for the head. */
  async connect(app: Application): Promise<void> {
    const { web, proxy, database } = this.#cartridges;
    const head = app.gears.filter(({ kind }) => kind === 'head');
    const others = app.gears.filter(({ kind }) => kind === 'web');
    const databases = app.gears.filter(({ kind }) => kind === 'database');
    const connection = async (
      [publisher, publish, publishers]: readonly [string, string, readonly BrokerGear[]],
      [subscriber, subscribe, subscribers]: readonly [string, string, readonly BrokerGear[]],
    ): Promise<void> => {
      if (subscribers.length === 0) return;
      const said = await this.#publish(app, publisher, publish, publishers);
      await this.#subscribe(app, subscriber, subscribe, subscribers, said);
    };
    const published = [database, 'publish-db-connection-info', databases] as const;
    const setDatabase = 'set-db-connection-info';
    if (databases.length > 0) await connection(published, [web, setDatabase, others]);
    await connection([web, 'publish-http-url', others], [proxy, 'set-proxy', head]);
    await connection([web, 'publish-gear-endpoint', others], [proxy, 'set-gear-endpoints', head]);
    if (databases.length > 0) await connection(published, [proxy, setDatabase, head]);
  }

  /** One action of one gear, with the reply's decisions carried out. */
  async act(
    app: Application,
    gear: BrokerGear,
    cartridge: string,
    action: string,
    args: unknown,
  ): Promise<string> {
    const data = { args, cartridge, process_results: true, action };
    const { replies } = await this.#sender.send('cartridge_do', data, [gear.node]);
    const output = String(replies.get(gear.node.identity)?.output ?? '');
    if (action === 'app-destroy') app.gears.splice(app.gears.indexOf(gear), 1);
    await this.#carryOut(app, gear, decisionsOf(output));
    return output;
  }

  /** Jobs for gears, on all their nodes by one request; the finished jobs, in the order of the list. */
  async parallel(jobs: readonly GearJob[]): Promise<readonly FinishedJob[]> {
    if (jobs.length === 0) return [];
    return this.#sender.sendJobs(jobsByNode(jobs), jobs);
  }

  #newUuid(): string {
    return this.#options.uuid?.() ?? randomBytes(16).toString('hex');
  }

  async #createGear(app: Application, kind: Kind): Promise<BrokerGear> {
    const uuid = kind === 'head' ? app.uuid : this.#newUuid();
    const node = this.#options.place?.(kind, app) ?? this.#nodes[0];
    if (node === undefined) throw new Error('A broker needs a node.');
    const uid = this.#options.uid?.(app);
    const gear: BrokerGear = {
      ...{ kind, uuid, node, attributes: {}, properties: {} },
      name: kind === 'head' ? app.name : uuid.slice(0, 10),
    };
    await this.act(app, gear, DUMMY, 'app-create', {
      ...gearArguments(app, gear),
      ...(uid === undefined ? {} : { '--with-uid': String(uid) }),
    });
    app.gears.push(gear);
    await this.parallel(app.keys.map((key) => keyJob(app, gear, key)));
    return gear;
  }

  async #destroyGear(app: Application, gear: BrokerGear): Promise<void> {
    await this.act(app, gear, DUMMY, 'app-destroy', gearArguments(app, gear));
  }

  async #putWebCartridgeInto(app: Application, gear: BrokerGear): Promise<void> {
    await this.#configure(app, gear, this.#cartridges.web);
    await this.#exposePort(app, gear, this.#cartridges.web);
  }

  async #configure(app: Application, gear: BrokerGear, cartridge: string): Promise<void> {
    await this.act(app, gear, cartridge, 'configure', hookArguments(app, gear));
  }

  async #exposePort(app: Application, gear: BrokerGear, cartridge: string): Promise<void> {
    await this.act(app, gear, cartridge, 'expose-port', hookArguments(app, gear));
  }

  async #publish(
    app: Application,
    cartridge: string,
    hook: string,
    gears: readonly BrokerGear[],
  ): Promise<readonly Publication[]> {
    const jobs = gears.map((gear) => connectorJob(app, gear, cartridge, hook, []));
    const finished = await this.parallel(jobs);
    return finished.map(({ gear, result_stdout }) => ({ gear, output: String(result_stdout) }));
  }

  async #subscribe(
    app: Application,
    cartridge: string,
    hook: string,
    gears: readonly BrokerGear[],
    said: readonly Publication[],
  ): Promise<void> {
    await this.parallel(gears.map((gear) => connectorJob(app, gear, cartridge, hook, [said])));
  }

  /** What a reply asks of the broker; the broker's own key goes out before the keys of the application. */
  async #carryOut(app: Application, gear: BrokerGear, decisions: Decisions): Promise<void> {
    Object.assign(gear.attributes, decisions.attributes);
    Object.assign(gear.properties, decisions.properties);
    if (decisions.brokerKey) {
      const { iv, token } = this.#options.brokerAuth?.(app) ?? newBrokerAuth();
      const args = { '--with-iv': iv, '--with-token': token };
      await this.parallel(app.gears.map((one) => nodeJob(app, one, 'broker-auth-key-add', args)));
    }
    for (const key of decisions.keysToAdd) {
      app.keys.push(key);
      await this.parallel(app.gears.map((one) => keyJob(app, one, key)));
    }
    for (const comment of decisions.keysToRemove) {
      app.keys.splice(0, app.keys.length, ...app.keys.filter((key) => key.comment !== comment));
      const args = { '--with-ssh-key-comment': comment };
      await this.parallel(app.gears.map((one) => nodeJob(app, one, 'authorized-ssh-key-remove', args)));
    }
    await this.parallel(
      app.gears.flatMap((one) =>
        decisions.variablesToRemove.map((name) =>
          nodeJob(app, one, 'env-var-remove', { '--with-key': name }),
        ),
      ),
    );
  }
}

/** Base64 in lines of sixty characters, as such brokers write it. */
function newBrokerAuth(): { iv: string; token: string } {
  const text = (bytes: number): string =>
    randomBytes(bytes)
      .toString('base64')
      .replace(/.{1,60}/g, '$&\n');
  return { iv: text(256), token: text(96) };
}

function nodeJob(
  app: Application,
  gear: BrokerGear,
  action: string,
  args: Readonly<Record<string, string>>,
): GearJob {
  const whose = { '--with-container-uuid': gear.uuid, '--with-app-uuid': app.uuid };
  return { node: gear.node, job: parallelJob(gear.uuid, DUMMY, action, { ...args, ...whose }) };
}

/** The seed's order of arguments; the keys that cartridges ask for have no type. */
function keyJob(app: Application, gear: BrokerGear, { comment, type, key }: PublicKey): GearJob {
  const args = {
    '--with-ssh-key-comment': comment,
    ...(type === undefined ? {} : { '--with-ssh-key-type': type }),
    '--with-container-uuid': gear.uuid,
    '--with-ssh-key': key,
    '--with-app-uuid': app.uuid,
  };
  return { node: gear.node, job: parallelJob(gear.uuid, DUMMY, 'authorized-ssh-key-add', args) };
}

function connectorJob(
  app: Application,
  gear: BrokerGear,
  cartridge: string,
  hook: string,
  said: readonly (readonly Publication[])[],
): GearJob {
  const args = {
    '--hook-name': hook,
    '--input-args': subscriberArguments([gear.name, app.namespace, gear.uuid], said),
    '--cart-name': cartridge,
    '--gear-uuid': gear.uuid,
  };
  return { node: gear.node, job: parallelJob(gear.uuid, DUMMY, 'connector-execute', args) };
}
