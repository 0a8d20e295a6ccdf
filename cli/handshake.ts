import { randomBytes } from 'node:crypto';
import { request as requestByHttp } from 'node:http';
import { request as requestByHttps } from 'node:https';

const timeoutMs = 5_000;

/**
 * Tries a WebSocket handshake and gives the status with which it is answered, 101 if it would open, or the network's error.
 * No WebSocket tells why its handshake failed, as browsers must not; a person at a terminal needs to know.
 */
export function tryHandshake(url: string, protocols: readonly string[]): Promise<number | Error> {
  const target = new URL(url);
  const request = target.protocol === 'wss:' ? requestByHttps : requestByHttp;
  target.protocol = target.protocol === 'wss:' ? 'https:' : 'http:';
  return new Promise((resolve) => {
    const asked = request(target, {
      timeout: timeoutMs,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
        'Sec-WebSocket-Protocol': protocols.join(', '),
      },
    });
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 101);
    });
    asked.on('response', (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
    asked.on('error', resolve);
    asked.end();
  });
}
