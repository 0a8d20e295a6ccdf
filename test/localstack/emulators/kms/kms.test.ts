import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Kms, startKms } from '#localstack/emulators/kms/kms.ts';

const plaintext = Buffer.from('a data key');
const context = { purpose: 'messages', keyId: '7' };

let directory: string;
let keyFile: string;
let kms: Kms;
let client: KMSClient;

async function start(options: { keyFile?: string } = {}) {
  kms = await startKms(options);
  client = new KMSClient({
    endpoint: kms.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
}

async function stop() {
  client.destroy();
  await kms.stop();
}

async function encrypt(EncryptionContext: Record<string, string> = context): Promise<Uint8Array> {
  const { CiphertextBlob } = await client.send(
    new EncryptCommand({ KeyId: kms.keyId, Plaintext: plaintext, EncryptionContext }),
  );
  return CiphertextBlob ?? new Uint8Array();
}

async function decrypt(CiphertextBlob: Uint8Array, EncryptionContext: Record<string, string> = context) {
  const { Plaintext } = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
  return Buffer.from(Plaintext ?? []).toString();
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postrider-kms-'));
  keyFile = join(directory, 'kms.json');
  await start();
});

afterEach(async () => {
  await stop();
  await rm(directory, { recursive: true });
});

describe('sealing and opening', () => {
  it('opens what it sealed', async () => {
    const sealed = await encrypt();
    expect(await decrypt(sealed)).toBe('a data key');
    expect(Buffer.from(sealed).includes(plaintext)).toBe(false);
  });

  it('does not care in which order the encryption context is named', async () => {
    expect(await decrypt(await encrypt({ b: '2', a: '1' }), { a: '1', b: '2' })).toBe('a data key');
  });

  it.each([
    ['another value', { ...context, keyId: '8' }],
    ['a pair less', { purpose: 'messages' }],
    ['a pair more', { ...context, more: '1' }],
    ['none', {}],
    ['names and values exchanged', { messages: 'purpose', 7: 'keyId' }],
  ])('refuses another encryption context: %s', async (_, other) => {
    const sealed = await encrypt();
    await expect(decrypt(sealed, other)).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });

  it('refuses a ciphertext with any one byte changed', async () => {
    const sealed = await encrypt();
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(decrypt(changed)).rejects.toMatchObject({
        // A changed key id names a key that does not exist.
        name: at >= 1 && at < 17 ? 'NotFoundException' : 'InvalidCiphertextException',
      });
    }
  });

  it.each([1, 44])('refuses a ciphertext cut to %d bytes', async (length) => {
    const sealed = await encrypt();
    await expect(decrypt(sealed.subarray(0, length))).rejects.toMatchObject({
      name: 'InvalidCiphertextException',
    });
  });

  it('never seals the same twice', async () => {
    expect(Buffer.from(await encrypt()).equals(Buffer.from(await encrypt()))).toBe(false);
  });

  it('refuses to open under a key that is not the one it was sealed under', async () => {
    const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
    const CiphertextBlob = await encrypt();
    const command = new DecryptCommand({
      CiphertextBlob,
      EncryptionContext: context,
      KeyId: KeyMetadata?.KeyId,
    });
    await expect(client.send(command)).rejects.toMatchObject({ name: 'IncorrectKeyException' });
  });
});

describe('data keys', () => {
  it.each([
    [{ KeySpec: 'AES_256' as const }, 32],
    [{ KeySpec: 'AES_128' as const }, 16],
    [{ NumberOfBytes: 64 }, 64],
  ])('makes one for %o that Decrypt unwraps', async (size, bytes) => {
    const made = await client.send(
      new GenerateDataKeyCommand({ KeyId: kms.keyId, EncryptionContext: context, ...size }),
    );
    expect(made.Plaintext).toHaveLength(bytes);
    expect(made.KeyId).toBe(`arn:aws:kms:us-east-1:000000000000:key/${kms.keyId}`);
    const opened = await client.send(
      new DecryptCommand({ CiphertextBlob: made.CiphertextBlob, EncryptionContext: context }),
    );
    expect(opened).toMatchObject({ KeyId: made.KeyId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Buffer.from(made.Plaintext ?? []));
  });

  it.each([{}, { KeySpec: 'AES_256' as const, NumberOfBytes: 32 }, { NumberOfBytes: 1025 }])(
    'refuses %o',
    async (size) => {
      const command = new GenerateDataKeyCommand({ KeyId: kms.keyId, ...size });
      await expect(client.send(command)).rejects.toMatchObject({ name: 'ValidationException' });
    },
  );
});

describe('the state of a key', () => {
  it('refuses everything under a disabled key, and works again when it is enabled', async () => {
    const CiphertextBlob = await encrypt();
    await client.send(new DisableKeyCommand({ KeyId: kms.keyId }));
    const uses = [
      new DecryptCommand({ CiphertextBlob, EncryptionContext: context }),
      new EncryptCommand({ KeyId: kms.keyId, Plaintext: plaintext }),
      new GenerateDataKeyCommand({ KeyId: kms.keyId, KeySpec: 'AES_256' }),
    ] as const;
    const [byDecrypt, byEncrypt, byGenerate] = uses;
    for (const refused of [client.send(byDecrypt), client.send(byEncrypt), client.send(byGenerate)])
      await expect(refused).rejects.toMatchObject({
        name: 'DisabledException',
        $metadata: { httpStatusCode: 400 },
      });
    const described = await client.send(new DescribeKeyCommand({ KeyId: kms.keyId }));
    expect(described.KeyMetadata).toMatchObject({ Enabled: false, KeyState: 'Disabled' });

    await client.send(new EnableKeyCommand({ KeyId: kms.keyId }));
    expect(await decrypt(CiphertextBlob)).toBe('a data key');
  });

  it.each(['6c9b1bb7-f4a5-4c5e-9e1c-3c1b7d2f0a11', 'alias/none', 'arn:aws:kms:us-east-1:000000000000:key/x'])(
    'says that %s does not exist',
    async (KeyId) => {
      await expect(client.send(new DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
        name: 'NotFoundException',
      });
      await expect(
        client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })),
      ).rejects.toMatchObject({ name: 'NotFoundException' });
    },
  );

  it('finds a key by its ARN as well', async () => {
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: kms.keyId }));
    const byArn = await client.send(new DescribeKeyCommand({ KeyId: KeyMetadata?.Arn }));
    expect(byArn.KeyMetadata).toMatchObject({ KeyId: kms.keyId, Enabled: true });
    expect(byArn.KeyMetadata?.CreationDate).toBeInstanceOf(Date);
  });

  it('says which operations it does not have', async () => {
    await expect(client.send(new ListKeysCommand({}))).rejects.toMatchObject({
      name: 'UnknownOperationException',
    });
  });
});

describe('the key file', () => {
  it('keeps keys and their state over a restart, for the owner alone', async () => {
    await stop();
    await start({ keyFile });
    const keyId = kms.keyId;
    const sealed = await encrypt();
    const second = await client.send(new CreateKeyCommand({ Description: 'second' }));
    await client.send(new DisableKeyCommand({ KeyId: second.KeyMetadata?.KeyId }));
    await stop();
    await start({ keyFile });

    expect(kms.keyId).toBe(keyId);
    expect(await decrypt(sealed)).toBe('a data key');
    const described = await client.send(new DescribeKeyCommand({ KeyId: second.KeyMetadata?.KeyId }));
    expect(described.KeyMetadata).toMatchObject({ Enabled: false, Description: 'second' });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(keyFile, 'utf8')).keys).toHaveLength(2);
  });

  it.each(['{', '{}', '{"keys":[{"keyId":"x","material":""}]}'])(
    'does not start afresh over a damaged one: %s',
    async (content) => {
      await writeFile(keyFile, content);
      await expect(startKms({ keyFile })).rejects.toThrow(/kms\.json is damaged/);
    },
  );

  it('does not open what another key file sealed', async () => {
    const sealed = await encrypt();
    await stop();
    await start();
    await expect(decrypt(sealed)).rejects.toMatchObject({ name: 'NotFoundException' });
  });
});

it('listens on loopback only', () => {
  expect(new URL(kms.endpoint).hostname).toBe('127.0.0.1');
});
