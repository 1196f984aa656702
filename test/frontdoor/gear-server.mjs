// A gear's own server for the front door's tests: HTTP that shows what arrived, and a WebSocket that says it again.
// usage: gear-server.mjs ADDRESS PORT NAME
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const [address, port, name] = process.argv.slice(2);
const server = createServer((request, response) => {
  const headers = request.headers;
  response.end(JSON.stringify({ name, uid: process.getuid(), headers }));
});
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, n) => byte ^ mask[n % 4]));
    socket.write(Buffer.concat([Buffer.from([0x81, length + 4]), Buffer.from('say '), text]));
  });
});
server.listen(Number(port), address, () => console.log('listening'));
