import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterEach, describe, expect, test } from 'vitest';
import { DataKeyUnavailable } from '#shared/keys/data-key-memory.ts';
import { kmsFailure, tableFailure } from '#shared/keys/data-key-store.kms.ts';

let stop: (() => Promise<void>) | undefined;

afterEach(async () => {
  await stop?.();
  stop = undefined;
});

async function listen(listener: RequestListener): Promise<{ server: Server; endpoint: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stop = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, endpoint: `http://127.0.0.1:${address.port}` };
}

/** What the real SDK throws for what a server of ours does. */
async function errorOfTheSdk(endpoint: string, requestTimeout = 20_000): Promise<unknown> {
  const kms = new KMSClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: { requestTimeout, throwOnRequestTimeout: true },
  });
  try {
    await kms.send(new DecryptCommand({ CiphertextBlob: new Uint8Array(8) }));
    throw new Error('It was answered.');
  } catch (error) {
    return error;
  } finally {
    kms.destroy();
  }
}

const answers = (status: number, type: string) =>
  listen((_, response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ __type: type, message: 'as KMS words it' }));
  });

describe('KMS, as the SDK reports it', () => {
  test.each([
    [400, 'AccessDeniedException', 'revoked'],
    [400, 'DisabledException', 'revoked'],
    [400, 'KMSInvalidStateException', 'revoked'],
    [400, 'NotFoundException', 'revoked'],
    [400, 'InvalidKeyUsageException', 'revoked'],
    [400, 'UnrecognizedClientException', 'revoked'],
    [400, 'SomethingNewException', 'revoked'],
    [400, 'ThrottlingException', 'unreachable'],
    [400, 'LimitExceededException', 'unreachable'],
    [429, 'TooManyRequestsException', 'unreachable'],
    [500, 'KMSInternalException', 'unreachable'],
    [500, 'KeyUnavailableException', 'unreachable'],
    [503, 'DependencyTimeoutException', 'unreachable'],
    [503, 'ServiceUnavailable', 'unreachable'],
    [400, 'InvalidCiphertextException', 'unusable'],
    [400, 'IncorrectKeyException', 'unusable'],
  ])('%i %s: %s', async (status, type, reason) => {
    const { endpoint } = await answers(status, type);
    const error = await errorOfTheSdk(endpoint);
    const failure = kmsFailure(error, 'alias/postrider');
    expect(failure).toMatchObject({ name: 'DataKeyUnavailable', reason, cause: error });
    if (reason !== 'unusable') expect(failure.message).toContain(type);
  });

  test('nobody listens: out of reach', async () => {
    const { endpoint } = await listen(() => {});
    await stop?.();
    stop = undefined;
    expect(kmsFailure(await errorOfTheSdk(endpoint), 'k')).toMatchObject({ reason: 'unreachable' });
  });

  test('a host that has no address: out of reach', async () => {
    const error = await errorOfTheSdk('http://kms.invalid');
    expect(kmsFailure(error, 'k')).toMatchObject({ reason: 'unreachable' });
  });

  test('no answer: out of reach', async () => {
    const { endpoint } = await listen(() => {});
    expect(kmsFailure(await errorOfTheSdk(endpoint, 100), 'k')).toMatchObject({ reason: 'unreachable' });
  });

  test('a connection that breaks: out of reach', async () => {
    const { endpoint } = await listen((request) => request.socket.destroy());
    expect(kmsFailure(await errorOfTheSdk(endpoint), 'k')).toMatchObject({ reason: 'unreachable' });
  });

  test.each([undefined, null, 'text', new TypeError('a defect')])('%s counts as a refusal', (thrown) => {
    expect(kmsFailure(thrown, 'k')).toMatchObject({ reason: 'revoked' });
  });
});

describe('the table', () => {
  test('throttled: out of reach; refused or missing: unusable, with what to check', () => {
    const failure = (name: string) => tableFailure(Object.assign(new Error(), { name }), 'data-keys');
    expect(failure('ProvisionedThroughputExceededException')).toMatchObject({ reason: 'unreachable' });
    expect(failure('ResourceNotFoundException')).toMatchObject({ reason: 'unusable' });
    expect(failure('AccessDeniedException')).toBeInstanceOf(DataKeyUnavailable);
    expect(failure('AccessDeniedException').message).toMatch(/data-keys cannot be used \(AccessDenied.*role/);
  });
});
