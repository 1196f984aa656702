/**
 * The text of the front door: haproxy.cfg and its error pages. Any number of gears share one backend; the map, read at
 * start and changed at run time, says where a host name leads. Invariant: nothing a client sends decides a
 * destination or an X-Forwarded-* header; a host that is not in the map never reaches a backend.
 */
import path from 'node:path';

export interface FrontDoor {
  /** Where haproxy.cfg lies; the pages lie in `haproxy/` below it. */
  readonly confDir: string;
  readonly mapFile: string;
  /** The admin socket. */
  readonly socketPath: string;
  /** What HAProxy listens on: `:80`, `127.0.0.1:8000`, several of them. */
  readonly binds: readonly string[];
  /** Account and group of the workers; absent: HAProxy's own identity is kept. */
  readonly account?: { readonly user: string; readonly group: string };
  /** `log` target of HAProxy; the default is its standard output, which systemd takes to the journal. */
  readonly log?: string;
}

export interface ConfigFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

const pages: readonly { status: number; reason: string; title: string; text: string }[] = [
  { status: 400, reason: 'Bad Request', title: 'Bad request', text: 'The request could not be understood.' },
  {
    status: 404,
    reason: 'Not Found',
    title: 'No such application',
    text: 'No application of this name is here.',
  },
  { status: 408, reason: 'Request Timeout', title: 'Too slow', text: 'The request did not arrive in time.' },
  {
    status: 502,
    reason: 'Bad Gateway',
    title: 'No whole answer',
    text: 'The application broke off before it had answered. Please try again in a moment.',
  },
  {
    status: 503,
    reason: 'Service Unavailable',
    title: 'Application not available',
    text: 'The application is stopped or does not answer. Please try again in a moment.',
  },
  {
    status: 504,
    reason: 'Gateway Timeout',
    title: 'No answer in time',
    text: 'The application took too long to answer.',
  },
];

function page({ status, reason, title, text }: (typeof pages)[number]): string {
  const body =
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${status} ${title}</title>` +
    `<h1>${title}</h1><p>${text}</p></html>\n`;
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: text/html; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...(status === 400 || status === 408 ? ['Connection: close'] : []),
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

const pagePath = (door: FrontDoor, status: number): string =>
  path.join(door.confDir, 'haproxy', `${status}.http`);

/** Every file the front door needs, its own configuration first. */
export function frontDoorFiles(door: FrontDoor): readonly ConfigFile[] {
  return [
    { path: path.join(door.confDir, 'haproxy.cfg'), content: haproxyConfig(door), mode: 0o644 },
    ...pages.map((one) => ({ path: pagePath(door, one.status), content: page(one), mode: 0o644 })),
  ];
}

/** How to run it: in the foreground, a master and its worker; `kill -USR2` of the master reloads without a gap. */
export function haproxyArgv(confDir: string, pidFile: string): readonly string[] {
  return ['haproxy', '-W', '-db', '-f', path.join(confDir, 'haproxy.cfg'), '-p', pidFile];
}

export function haproxyConfig(door: FrontDoor): string {
  const account =
    door.account === undefined ? '' : `  user ${door.account.user}\n  group ${door.account.group}\n`;
  return `# Made by oo-admin-node-setup; made anew by its next run. Routes live in ${door.mapFile}, not here.
global
  # As many connections as the process may have descriptors for, and no more than this.
  fd-hard-limit 200000
${account}  log ${door.log ?? 'stdout format raw local0 info'}
  stats socket ${door.socketPath} mode 600 level admin expose-fd listeners
  stats timeout 30s

http-errors openshift
${pages.map(({ status }) => `  errorfile ${status} ${pagePath(door, status)}`).join('\n')}

defaults
  mode http
  log global
  option httplog
  option dontlognull
  # Header names outside letters, digits and "-" are dropped: X_Forwarded_For would reach CGI as X-Forwarded-For.
  option http-restrict-req-hdr-names delete
  errorfiles openshift
  timeout http-request 10s
  timeout http-keep-alive 60s
  timeout connect 5s
  timeout queue 10s
  timeout client 300s
  timeout client-fin 30s
  timeout server 300s
  timeout tunnel 1h

frontend front_door
${door.binds.map((bind) => `  bind ${bind}`).join('\n')}
  http-request capture req.hdr(host) len 80
  # One connection's requests may name different hosts; each is looked up anew.
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower,regsub('\\.$','')
  http-request set-var(txn.gear) var(txn.host),map_str(${door.mapFile})
  http-request return status 404 errorfiles openshift unless { var(txn.gear) -m found }

  # Only this door says who asked, how and for whom.
  http-request del-header (?i)^x-forwarded- -m reg
  http-request del-header (?i)^(forwarded|x-real-ip|x-client-ip|x-request-start)$ -m reg
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http unless { ssl_fc }
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  # WebSocket is the one upgrade that passes: any other would be a tunnel past the lines above.
  acl websocket req.hdr(upgrade) -i -m str websocket
  http-request del-header upgrade unless websocket
  http-request del-header http2-settings
  # A Connection header could name one of ours to be dropped on the way.
  http-request set-header Connection Upgrade if websocket
  http-request del-header connection unless websocket
  http-request del-header proxy
  default_backend gears

backend gears
  # Each request has a connection of its own to a gear. A kept one can be closed by the gear (a reload of its proxy or
  # web server, a pause) at the very moment a request goes into it, and what must not be asked twice would be lost then.
  option http-server-close
  # An application that is just being restarted: ask again, a second apart, unless a second time could do harm.
  retries 3
  retry-on conn-failure empty-response
  http-request disable-l7-retry unless METH_GET or METH_HEAD
  http-request set-dst var(txn.gear),field(1,:)
  http-request set-dst-port var(txn.gear),field(2,:)
  server gear 0.0.0.0:0
`;
}
