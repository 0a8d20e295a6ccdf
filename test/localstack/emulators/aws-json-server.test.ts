import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type AwsJsonServer,
  ServiceError,
  startAwsJsonServer,
} from '#localstack/emulators/aws-json-server.ts';

let server: AwsJsonServer;

beforeEach(async () => {
  server = await startAwsJsonServer({
    targetPrefix: 'Echo',
    operations: {
      Say: (input) => ({ said: input }),
      Refuse: () => {
        throw new ServiceError('TeapotException', 'no coffee', 418);
      },
      Break: () => {
        throw new Error('broken');
      },
    },
  });
});

afterEach(() => server.stop());

async function call(target: string, body: string, method = 'POST') {
  const response = await fetch(server.endpoint, {
    method,
    headers: { 'x-amz-target': target },
    ...(method === 'POST' && { body }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

it('answers an operation with JSON 1.1 and a request id', async () => {
  const { status, headers, body } = await call('Echo.Say', '{"a":"é"}');
  expect({ status, body }).toEqual({ status: 200, body: { said: { a: 'é' } } });
  expect(headers.get('content-type')).toBe('application/x-amz-json-1.1');
  expect(headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
});

it.each([
  ['Echo.Refuse', '{}', 418, 'TeapotException'],
  ['Echo.Break', '{}', 500, 'InternalFailure'],
  ['Echo.Other', '{}', 400, 'UnknownOperationException'],
  ['Echo.toString', '{}', 400, 'UnknownOperationException'],
  ['Other.Say', '{}', 400, 'UnknownOperationException'],
  ['Echo.Say', '{', 400, 'SerializationException'],
  ['Echo.Say', '[]', 400, 'SerializationException'],
  ['Echo.Say', `{"a":"${'x'.repeat(3_000_000)}"}`, 413, 'RequestEntityTooLarge'],
])('refuses %s', async (target, sent, status, name) => {
  const answer = await call(target, sent);
  expect(answer).toMatchObject({ status, body: { __type: name } });
});

it('refuses other methods', async () => {
  expect(await call('Echo.Say', '', 'GET')).toMatchObject({ status: 400 });
});
