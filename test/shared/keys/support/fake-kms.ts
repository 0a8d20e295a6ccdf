import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  DecryptCommand,
  DisabledException,
  GenerateDataKeyCommand,
  InvalidCiphertextException,
  type KMSClient,
  KMSServiceException,
} from '@aws-sdk/client-kms';

type KeyState = 'working' | 'denied' | 'disabled' | 'throttled' | 'timing out';

/** The one key that it has. */
export const kmsKeyId = 'alias/postrider';

export interface FakeKms {
  readonly client: Pick<KMSClient, 'send'>;
  /** What it says from now on, to every operation or to the named one only. */
  become(state: KeyState, operation?: Operation): void;
  /** Calls since the last `resetCalls`, refused ones included. */
  readonly calls: Readonly<Record<Operation, number>>;
  resetCalls(): void;
}

type Operation = 'GenerateDataKey' | 'Decrypt';
type EncryptionContext = Record<string, string> | undefined;

/** One KMS key that wraps data keys and checks their encryption context, and that can be made to fail as KMS fails. */
export function makeFakeKms(): FakeKms {
  const masterKey = randomBytes(32);
  const states: Record<Operation, KeyState> = { GenerateDataKey: 'working', Decrypt: 'working' };
  const calls: Record<Operation, number> = { GenerateDataKey: 0, Decrypt: 0 };

  async function send(command: unknown): Promise<unknown> {
    await new Promise(setImmediate);
    if (!(command instanceof GenerateDataKeyCommand || command instanceof DecryptCommand)) {
      throw new TypeError('The fake KMS does not know this command.');
    }
    if (command.input.KeyId !== kmsKeyId) throw new TypeError(`The fake KMS was not asked for ${kmsKeyId}.`);
    if (command instanceof GenerateDataKeyCommand) {
      calls.GenerateDataKey += 1;
      failIf(states.GenerateDataKey);
      const key = randomBytes(32);
      const { EncryptionContext } = command.input;
      return { Plaintext: new Uint8Array(key), CiphertextBlob: wrap(masterKey, key, EncryptionContext) };
    }
    calls.Decrypt += 1;
    failIf(states.Decrypt);
    const { CiphertextBlob, EncryptionContext } = command.input;
    return { Plaintext: unwrap(masterKey, CiphertextBlob ?? new Uint8Array(), EncryptionContext) };
  }

  return {
    client: { send: send as KMSClient['send'] },
    become(state, operation) {
      for (const each of operation ? [operation] : (['GenerateDataKey', 'Decrypt'] as const))
        states[each] = state;
    },
    calls,
    resetCalls() {
      calls.GenerateDataKey = 0;
      calls.Decrypt = 0;
    },
  };
}

const serialised = (context: EncryptionContext) =>
  Buffer.from(JSON.stringify(Object.entries(context ?? {}).sort()));

function wrap(masterKey: Uint8Array, key: Uint8Array, context: EncryptionContext): Uint8Array {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', masterKey, iv).setAAD(serialised(context));
  const wrapped = Buffer.concat([cipher.update(key), cipher.final()]);
  return new Uint8Array(Buffer.concat([iv, wrapped, cipher.getAuthTag()]));
}

function unwrap(masterKey: Uint8Array, blob: Uint8Array, context: EncryptionContext): Uint8Array {
  try {
    const decipher = createDecipheriv('aes-256-gcm', masterKey, blob.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(serialised(context)).setAuthTag(blob.subarray(-16));
    return new Uint8Array(Buffer.concat([decipher.update(blob.subarray(12, -16)), decipher.final()]));
  } catch {
    throw new InvalidCiphertextException({ message: '', $metadata: { httpStatusCode: 400 } });
  }
}

function failIf(state: KeyState): void {
  const $metadata = { httpStatusCode: 400 };
  if (state === 'disabled') throw new DisabledException({ message: 'The key is disabled.', $metadata });
  if (state === 'denied') throw refusal('AccessDeniedException');
  if (state === 'throttled') throw refusal('ThrottlingException');
  if (state === 'timing out') throw Object.assign(new Error('socket timed out'), { name: 'TimeoutError' });
}

/** These two are not in the SDK's model of KMS, so it makes them from the base class as here. */
function refusal(name: string): KMSServiceException {
  return new KMSServiceException({ name, message: '', $fault: 'client', $metadata: { httpStatusCode: 400 } });
}
