/**
 * The application of these tests: its gears over two nodes, the client's clone of its code, what was deployed where. Asks
 * for pages as a visitor does (through the head gear's front door) and as the head's proxy does (a gear's public port).
 */
import type { Application, BrokerGear } from '../broker/application.js';
import { must } from '../../demo/node-host.js';
import { Deployed } from './deployed.js';
import { domain, publishNames, type TwoNodes } from './nodes.js';
import { Repository, type Push, type PushOptions } from './repository.js';
import { RunningLoad } from './running-load.js';
import type { LoadReport } from './tally.js';

/** Answers that a gear must have got since then to count as one that gets requests. */
const ENOUGH = 20;

export class Scene {
  readonly deployed = new Deployed();
  readonly #repository: Repository;
  #version = 0;

  private constructor(
    readonly nodes: TwoNodes,
    readonly app: Application,
  ) {
    this.#repository = new Repository(nodes.client, app);
  }

  /** Head and database on the first node, one more web gear on the second. */
  static async create(nodes: TwoNodes): Promise<Scene> {
    nodes.next = 'two';
    const app = await nodes.broker.createApplication({ name: 'sphpapp', namespace: 'demo' });
    const scene = new Scene(nodes, app);
    await publishNames(nodes, app);
    await scene.#repository.clone();
    return scene;
  }

  get version(): string {
    return `v${this.#version}`;
  }

  get head(): BrokerGear {
    return this.app.gears[0]!;
  }

  get webGears(): readonly BrokerGear[] {
    return this.app.gears.filter(({ kind }) => kind === 'web');
  }

  /** The gears that are given requests: with two others and more the head only balances. */
  get inService(): readonly string[] {
    const others = this.webGears.map(({ uuid }) => uuid);
    return others.length >= 2 ? others : [this.head.uuid, ...others];
  }

  async addDatabase(): Promise<void> {
    await this.nodes.broker.addDatabase(this.app);
    await publishNames(this.nodes, this.app);
  }

  async scaleUp(where: TwoNodes['next']): Promise<BrokerGear> {
    this.nodes.next = where;
    const gear = await this.nodes.broker.scaleUp(this.app);
    this.deployed.record(gear.uuid, this.version, Date.now());
    await publishNames(this.nodes, this.app);
    return gear;
  }

  async scaleDown(): Promise<BrokerGear> {
    const gear = await this.nodes.broker.scaleDown(this.app);
    await publishNames(this.nodes, this.app);
    return gear;
  }

  /** Pushes the next version; gives what was said, and the gears that said they have it. */
  async push(options: PushOptions = {}): Promise<Push & { readonly completed: readonly string[] }> {
    this.#version += 1;
    const push = await this.#repository.push(this.version, options);
    return { ...push, completed: this.deployed.recordPush(this.head.uuid, this.version, push) };
  }

  /** A page as a visitor sees it. */
  page(path: string): Promise<string> {
    const { name, namespace } = this.app;
    return this.#curl(`http://${name}-${namespace}.${domain}${path}`);
  }

  /** A page of one gear, by its public port. */
  pageOf(gear: BrokerGear, path: string): Promise<string> {
    const port = gear.attributes['PROXY_PORT'];
    return this.#curl(`http://${this.nodes.hostOf(gear).cableAddress}:${port}${path}`);
  }

  load(workers: number, limits: { readonly most: number; readonly seconds: number }): RunningLoad {
    const host = `${this.app.name}-${this.app.namespace}.${domain}`;
    const address = this.nodes.one.cableAddress ?? '';
    return new RunningLoad(this.nodes.client, { address, host, path: '/', workers, ...limits });
  }

  /** Waits until each gear in service has answered with this version; gives the report that shows it. */
  async allServe(load: RunningLoad, version = this.version): Promise<LoadReport> {
    const from = await load.report();
    const answers = ({ seen }: LoadReport, gear: string): number => seen[gear]?.[version]?.count ?? 0;
    return load.until(
      (now) => this.inService.every((gear) => answers(now, gear) - answers(from, gear) >= ENOUGH),
      60_000,
    );
  }

  async #curl(url: string): Promise<string> {
    return (await must(this.nodes.client, ['curl', '-sS', '--max-time', '20', url])).stdout;
  }
}
