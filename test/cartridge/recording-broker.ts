/**
 * A broker's REST interface as far as the autoscaler speaks to it: real HTTP on a loopback address, the gear's key
 * checked byte for byte, every request written down, and whatever answer a test wants to see badly received.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly agent: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly at: number;
}

export type Answer =
  | { readonly status: number; readonly type?: string; readonly body: string; readonly location?: string }
  | 'silence'
  | 'hang up';

const key = 'k3y+/with=signs & 100%\nsecond"line\'\\of-it\n';
const iv = 'iv==\n\n';
export class RecordingBroker {
  readonly auth = { token: key, iv };
  readonly asked: Asked[] = [];
  limits = { from: 1, to: -1 };
  /** What an event does, before it is answered. */
  carryOut: (event: string) => Promise<unknown> = () => Promise.resolve();
  /** Answers in place of the usual one, one request each; the last stays. */
  instead: Answer[] = [];
  private readonly server = createServer((request, response) => void this.receive(request, response));
  private port = 0;

  /** `name` and `namespace` are those of the one application this broker knows. */
  constructor(
    private readonly name = 'phpapp',
    private readonly namespace = 'demo',
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The events asked for so far. */
  get events(): string[] {
    return this.asked
      .filter(({ method }) => method === 'POST')
      .map(({ fields }) => fields.get('event') ?? '');
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async until(count: number, seconds: number): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (this.events.length < count && Date.now() < end) await sleep(50);
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    request.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
    await new Promise((resolve) => request.on('end', resolve));
    const { method = '', url = '', headers } = request;
    const fields = new Map(new URLSearchParams(body));
    this.asked.push({ method, url, agent: headers['user-agent'] ?? '', fields, at: Date.now() });
    const answer =
      (this.instead.length > 1 ? this.instead.shift() : this.instead[0]) ??
      (await this.usual(method, url, fields));
    if (answer === 'silence') return;
    if (answer === 'hang up') {
      request.socket.destroy();
      return;
    }
    response.statusCode = answer.status;
    response.setHeader('content-type', answer.type ?? 'application/json; charset=utf-8');
    if (answer.location !== undefined) response.setHeader('location', answer.location);
    response.end(answer.body);
  }

  private async usual(method: string, url: string, fields: ReadonlyMap<string, string>): Promise<Answer> {
    const application = `/broker/rest/domain/${this.namespace}/application/${this.name}`;
    if (fields.get('broker_auth_key') !== key || fields.get('broker_auth_iv') !== iv)
      return { status: 401, body: '{"status":"unauthorized","messages":[]}' };
    if (method === 'GET' && url === `${application}/cartridge/php-5.3`) {
      const data = { name: 'php-5.3', scales_from: this.limits.from, scales_to: this.limits.to };
      return { status: 200, body: JSON.stringify({ api_version: 1.6, data, status: 'ok' }, null, 1) };
    }
    if (method === 'POST' && url === `${application}/events`) {
      await this.carryOut(fields.get('event') ?? '');
      return { status: 200, body: JSON.stringify({ data: { name: this.name }, status: 'ok' }) };
    }
    return { status: 404, body: '{"status":"not_found"}' };
  }
}
