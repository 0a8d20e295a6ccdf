import type { Mutation } from './mutation.ts';
import { sources } from './sources.ts';

/** Encryption and data keys. */
export const surroundings: readonly Mutation[] = [
  {
    guard: 'content is encrypted at all',
    file: sources.messageCipher,
    find: 'return Buffer.concat([Buffer.of(version), dataKey.keyId, iv, ...ciphertext, cipher.getAuthTag()]);',
    replace:
      'return Buffer.concat([Buffer.of(version), dataKey.keyId, iv, ...ciphertext, cipher.getAuthTag(), Buffer.from(content)]);',
  },
  {
    guard: 'the additional data of the encryption',
    ...{ file: sources.messageCipher, find: '.setAAD(bound)', replace: '.setAAD(Buffer.of(version))' },
  },
  {
    guard: 'the row of a data key is written before the pointer',
    file: sources.dataKeyStore,
    find: 'if (!(await put({ keyId, wrappedKey, createdAt }, rowIsOurs, wrappedKey))) return undefined;',
    replace: '',
  },
  {
    guard: 'data keys are read consistently',
    ...{ file: sources.dataKeyStore, find: ', ConsistentRead: true', replace: '' },
  },
];
