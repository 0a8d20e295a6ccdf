import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { MessagePlace } from '#shared/log/message.ts';
import type { RandomBytes } from '#shared/runtime/clock.ts';
import { UnreadableMessage } from '#shared/runtime/failures.ts';
import type { DataKey } from './data-key-memory.ts';
import { type DataKeys, UnknownDataKey } from './data-keys.ts';
import type { MessageCipher } from './message-cipher.ts';

/** What kept a message from opening. */
export type UnreadableReason =
  | 'malformed'
  | 'unknownVersion'
  | 'unknownDataKey'
  | 'noKeySalt'
  | 'notAuthentic';

const explanations: Readonly<Record<UnreadableReason, string>> = {
  malformed: 'it is too short to be a sealed message',
  unknownVersion: 'its format has a version that this code does not know',
  unknownDataKey: 'its data key does not exist (any more)',
  noKeySalt: 'its conversation has no key salt (any more)',
  notAuthentic: 'it was damaged, moved, sealed under another key salt, or a value beside it was altered',
};

/** What did not open, and why. Names the message, never holds content or a key. */
export class UnreadableCiphertext extends UnreadableMessage {
  readonly reason: UnreadableReason;
  readonly conversationId: string;
  readonly seq: number;

  constructor({ conversationId, seq }: MessagePlace, reason: UnreadableReason, cause?: unknown) {
    super(`Message ${seq} of conversation ${conversationId} cannot be read: ${explanations[reason]}.`, {
      cause,
    });
    this.reason = reason;
    this.conversationId = conversationId;
    this.seq = seq;
  }
}

interface Options {
  readonly dataKeys: Pick<DataKeys, 'current' | 'byId'>;
  readonly randomBytes: RandomBytes;
}

// version (1) | keyId (16) | iv (12) | ciphertext | tag (16): docs/encryption.md
const version = 1;
const ivAt = 17;
const ciphertextAt = 29;
const tagBytes = 16;
const ivBytes = ciphertextAt - ivAt;
const overheadBytes = ciphertextAt + tagBytes;

/** Below this a salt is a mistake, or what is left of one. */
const leastSaltBytes = 16;
const context = 'postrider/message-key/v1';

/**
 * AES-256-GCM under a key of the conversation's own, derived from a data key; the format of docs/encryption.md.
 * `seal` throws a `RangeError` for what could not be opened again: a lone surrogate, a seq, count or time that is no
 * whole number, a salt below 16 bytes. Failures of the data keys pass through both: they say nothing about the message.
 */
export function makeMessageCipher({ dataKeys, randomBytes }: Options): MessageCipher {
  const messageKey = makeDerivation();

  return {
    async seal(place, keySalt, content) {
      const bound = encodePlace(place);
      if (bound === undefined)
        throw new RangeError(`This is no place for a message: ${JSON.stringify(place)}.`);
      if (!isSalt(keySalt)) throw new RangeError(`A key salt has ${leastSaltBytes} bytes or more.`);
      if (!content.isWellFormed()) throw new RangeError('Content with a lone surrogate cannot be sealed.');
      const dataKey = await dataKeys.current();
      const iv = randomBytes(ivBytes);
      const key = messageKey(dataKey, place.conversationId, keySalt);
      const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes }).setAAD(bound);
      const ciphertext = [cipher.update(content, 'utf8'), cipher.final()];
      return Buffer.concat([Buffer.of(version), dataKey.keyId, iv, ...ciphertext, cipher.getAuthTag()]);
    },

    async open(place, keySalt, sealed) {
      if (!(sealed instanceof Uint8Array) || sealed.byteLength < overheadBytes) {
        throw new UnreadableCiphertext(place, 'malformed');
      }
      if (sealed[0] !== version) throw new UnreadableCiphertext(place, 'unknownVersion');
      if (!isSalt(keySalt)) throw new UnreadableCiphertext(place, 'noKeySalt');
      const dataKey = await dataKeys.byId(sealed.subarray(1, ivAt)).catch((error: unknown) => {
        throw error instanceof UnknownDataKey
          ? new UnreadableCiphertext(place, 'unknownDataKey', error)
          : error;
      });
      try {
        return decrypt(messageKey(dataKey, place.conversationId, keySalt), encodePlace(place), sealed);
      } catch (error) {
        throw new UnreadableCiphertext(place, 'notAuthentic', error);
      }
    },
  };
}

function decrypt(key: Uint8Array, bound: Uint8Array | undefined, sealed: Uint8Array): string {
  if (bound === undefined) throw new RangeError('No message was ever sealed for such a place.');
  const iv = sealed.subarray(ivAt, ciphertextAt);
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes }).setAAD(bound);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const content = [decipher.update(sealed.subarray(ciphertextAt, -tagBytes)), decipher.final()];
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(content));
}

/** Message keys that were derived from one data key. HKDF takes longer than the encryption of a usual message. */
const derivedPerDataKey = 100;

/** Derives message keys and keeps some, no longer than the `DataKey` object that they come from is kept. */
function makeDerivation() {
  const derived = new WeakMap<DataKey, LRUCache<string, Uint8Array>>();
  return (dataKey: DataKey, conversationId: string, keySalt: Uint8Array): Uint8Array => {
    const known = derived.get(dataKey) ?? new LRUCache<string, Uint8Array>({ max: derivedPerDataKey });
    derived.set(dataKey, known);
    const name = `${Buffer.from(keySalt).toString('base64')} ${conversationId}`;
    const found = known.get(name);
    if (found) return found;
    const info = Buffer.concat([Buffer.from(context), lengthPrefixed(conversationId)]);
    const key = new Uint8Array(hkdfSync('sha256', dataKey.key, keySalt, info, 32));
    known.set(name, key);
    return key;
  };
}

/** The additional data: two places never have the same. `undefined` for what cannot be told apart in bytes. */
function encodePlace(place: MessagePlace): Uint8Array | undefined {
  const { conversationId, seq, messageId, senderId, senderCount, sentAt, clientMessageId } = place;
  const texts = [conversationId, messageId, senderId, clientMessageId ?? ''];
  if (!texts.every((text) => text.isWellFormed())) return undefined;
  const numbers = [seq, senderCount, sentAt];
  if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0)) return undefined;
  const encoded = {
    conversationId: lengthPrefixed(conversationId),
    seq: eightBytes(seq),
    messageId: lengthPrefixed(messageId),
    senderId: lengthPrefixed(senderId),
    senderCount: eightBytes(senderCount),
    sentAt: eightBytes(sentAt),
    clientMessageId: optional(clientMessageId),
    // A message that gets one more value in the clear does not compile before that value is bound here.
  } satisfies Record<keyof MessagePlace, Uint8Array>;
  return Buffer.concat([Buffer.of(version), ...Object.values(encoded)]);
}

/** One byte says whether there is a text, so that none and an empty one differ. */
function optional(text: string | undefined): Uint8Array {
  return text === undefined ? Buffer.of(0) : Buffer.concat([Buffer.of(1), lengthPrefixed(text)]);
}

function lengthPrefixed(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.byteLength);
  return Buffer.concat([length, bytes]);
}

function eightBytes(number: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

function isSalt(keySalt: unknown): boolean {
  return keySalt instanceof Uint8Array && keySalt.byteLength >= leastSaltBytes;
}
