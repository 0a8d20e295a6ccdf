import { createCipheriv, createDecipheriv } from 'node:crypto';
import {
  DecryptCommand,
  DisabledException,
  GenerateDataKeyCommand,
  InvalidCiphertextException,
} from '@aws-sdk/client-kms';
import type { Dice } from '../dice.ts';
import type { Faults } from '../faults.ts';
import { NotModelled } from './expressions.ts';
import type { Answer } from './wire.ts';

/** One KMS key, which binds each data key to its encryption context. */
export function makeKms(dice: Dice, faults: Faults) {
  const masterKey = dice.bytes(32);

  function generate(context: Uint8Array): object {
    const [key, iv] = [dice.bytes(32), dice.bytes(12)];
    const cipher = createCipheriv('aes-256-gcm', masterKey, iv).setAAD(context);
    const wrapped = Buffer.concat([iv, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
    return { Plaintext: key, CiphertextBlob: new Uint8Array(wrapped) };
  }

  function decrypt(context: Uint8Array, blob: Uint8Array): object {
    const decipher = createDecipheriv('aes-256-gcm', masterKey, blob.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(context).setAuthTag(blob.subarray(-16));
    try {
      const key = Buffer.concat([decipher.update(blob.subarray(12, -16)), decipher.final()]);
      return { Plaintext: new Uint8Array(key) };
    } catch {
      throw new InvalidCiphertextException({ message: '', $metadata: { httpStatusCode: 400 } });
    }
  }

  return {
    perform(command: unknown, answer: Answer<unknown>): void {
      const isKnown = command instanceof GenerateDataKeyCommand || command instanceof DecryptCommand;
      if (!isKnown) throw new NotModelled('a KMS command');
      const context = Buffer.from(
        JSON.stringify(Object.entries(command.input.EncryptionContext ?? {}).sort()),
      );
      try {
        if (faults.happens('denied'))
          throw new DisabledException({ message: '', $metadata: { httpStatusCode: 400 } });
        if (command instanceof GenerateDataKeyCommand) answer.ok(generate(context));
        else answer.ok(decrypt(context, command.input.CiphertextBlob ?? new Uint8Array()));
      } catch (error) {
        answer.fail(error);
      }
    },
  };
}
