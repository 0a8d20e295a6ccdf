import { createServer, type Server } from 'node:http';
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { closeServer, listenOnLoopback, loopback } from '#localstack/http/loopback-server.ts';
import { sqsClient } from '#shared/aws/clients.ts';

let server: Server;
let requests = 0;
beforeAll(async () => {
  server = createServer((_, response) => {
    requests += 1;
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-length': 100 });
    response.write('{"QueueUrl":');
  });
  vi.stubEnv('AWS_ENDPOINT_URL', `http://${loopback}:${await listenOnLoopback(server)}`);
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'test');
  vi.stubEnv('AWS_REGION', 'us-east-1');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await closeServer(server);
});

test('an answer that goes silent after its headers is given up, and the call is made again', async () => {
  const call = sqsClient().send(new GetQueueUrlCommand({ QueueName: 'queue' }));

  await expect(call).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(requests).toBe(2);
}, 30_000);
