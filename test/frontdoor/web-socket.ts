// A WebSocket through the front door of this host, by hand: the least of the protocol that shows that it is one.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Test } from 'tap';

/** Opens one to a host by its name; what is said in it comes back. It closes with the test. */
export async function webSocket(t: Test, host: string): Promise<(text: string) => Promise<string>> {
  const socket = connect(80, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(head.toString());
  return async (text) => {
    const mask = Buffer.from([9, 8, 7, 6]);
    const body = Buffer.from(Buffer.from(text).map((byte, n) => byte ^ mask[n % 4]!));
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, body]));
    const [frame] = (await once(socket, 'data')) as [Buffer];
    return frame.subarray(2).toString();
  };
}
