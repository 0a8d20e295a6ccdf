import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';

/** Sends what a web page can have a browser send: a request whose body is commands of Valkey. What came back until the end. */
export async function sayByHttp(port: number, method: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1');
  const body = '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\nSET c d\r\n';
  socket.write(
    `${method} / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: http://evil.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return await text(socket);
}
