import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Kms, startKms } from '#localstack/emulators/kms/kms.ts';
import { clientSettings } from '#localstack/emulators/local-account.ts';

const context = { purpose: 'messages', keyId: '7' };

let directory: string;
let keyFile: string;
let kms: Kms;
let client: KMSClient;

async function start(options: { keyFile?: string } = {}) {
  kms = await startKms(options);
  client = new KMSClient({ ...clientSettings(kms.endpoint), maxAttempts: 1 });
}

async function stop() {
  client.destroy();
  await kms.stop();
}

async function generate(EncryptionContext: Record<string, string> = context) {
  const made = await client.send(
    new GenerateDataKeyCommand({ KeyId: kms.keyId, KeySpec: 'AES_256', EncryptionContext }),
  );
  return { key: hex(made.Plaintext), wrapped: made.CiphertextBlob ?? new Uint8Array() };
}

async function unwrap(CiphertextBlob: Uint8Array, EncryptionContext: Record<string, string> = context) {
  const { Plaintext } = await client.send(
    new DecryptCommand({ KeyId: kms.keyId, CiphertextBlob, EncryptionContext }),
  );
  return hex(Plaintext);
}

const hex = (bytes: Uint8Array = new Uint8Array()) => Buffer.from(bytes).toString('hex');

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-kms-'));
  keyFile = join(directory, 'kms.json');
  await start();
});

afterEach(async () => {
  await stop();
  await rm(directory, { recursive: true });
});

describe('a data key', () => {
  it('has 32 bytes, is not readable in what wraps it, and comes out of it again', async () => {
    const { key, wrapped } = await generate();
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(hex(wrapped)).not.toContain(key);
    expect(await unwrap(wrapped)).toBe(key);
    expect((await generate()).key).not.toBe(key);
  });

  it('does not care in which order the encryption context is named', async () => {
    const { key, wrapped } = await generate({ b: '2', a: '1' });
    expect(await unwrap(wrapped, { a: '1', b: '2' })).toBe(key);
  });

  it.each([
    ['another value', { ...context, keyId: '8' }],
    ['a pair less', { purpose: 'messages' }],
    ['a pair more', { ...context, more: '1' }],
    ['none', {}],
    ['names and values exchanged', { messages: 'purpose', 7: 'keyId' }],
  ])('stays closed under another encryption context: %s', async (_, other) => {
    const { wrapped } = await generate();
    await expect(unwrap(wrapped, other)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });

  it('stays closed if any one byte of what wraps it is changed, or some are missing', async () => {
    const { wrapped } = await generate();
    for (let at = 0; at < wrapped.length; at++) {
      const changed = Uint8Array.from(wrapped);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(unwrap(changed)).rejects.toMatchObject({
        // The bytes of the key id name another key.
        name: at >= 1 && at < 17 ? 'IncorrectKeyException' : 'InvalidCiphertextException',
      });
    }
    await expect(unwrap(wrapped.subarray(0, 44))).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    });
  });
});

describe('the key', () => {
  it('is found by its ARN as well', async () => {
    const { wrapped } = await generate();
    const KeyId = `arn:aws:kms:us-east-1:000000000000:key/${kms.keyId}`;
    const opened = await client.send(
      new DecryptCommand({ KeyId, CiphertextBlob: wrapped, EncryptionContext: context }),
    );
    expect(opened.KeyId).toBe(KeyId);
  });

  it('is the only one', async () => {
    const KeyId = '6c9b1bb7-f4a5-4c5e-9e1c-3c1b7d2f0a11';
    const [CiphertextBlob, refusal] = [Buffer.from('x'), { name: 'NotFoundException' }];
    const generating = client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    await expect(generating).rejects.toMatchObject(refusal);
    const decrypting = client.send(new DecryptCommand({ KeyId, CiphertextBlob }));
    await expect(decrypting).rejects.toMatchObject(refusal);
  });

  it('says which operations it does not have', async () => {
    const encrypting = client.send(new EncryptCommand({ KeyId: kms.keyId, Plaintext: Buffer.from('x') }));
    await expect(encrypting).rejects.toMatchObject({ name: 'UnknownOperationException' });
  });
});

describe('the key file', () => {
  it('keeps the key over a restart, for the owner alone', async () => {
    await stop();
    await start({ keyFile });
    const { keyId } = kms;
    const { key, wrapped } = await generate();
    await stop();
    await start({ keyFile });

    expect(kms.keyId).toBe(keyId);
    expect(await unwrap(wrapped)).toBe(key);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  });

  it.each(['{', '{}', 'null', '{"keys":[{"keyId":"x","material":""}]}'])(
    'does not start afresh over a damaged one: %s',
    async (content) => {
      await writeFile(keyFile, content);
      await expect(startKms({ keyFile })).rejects.toThrow(/kms\.json is damaged/);
    },
  );

  it('does not open what another key wrapped', async () => {
    const { wrapped } = await generate();
    await stop();
    await start();
    await expect(unwrap(wrapped)).rejects.toMatchObject({ name: 'IncorrectKeyException' });
  });
});
