import type { StoredMessage } from '#shared/log/message.ts';

/**
 * One cached message, version 1, big-endian:
 *
 *     version 1 | seq 6 | senderCount 6 | sentAt 6 | conversationId | messageId | senderId | clientMessageId | ciphertext
 *
 * An id is its length in one byte and its UTF-8; a length of 0 means that there is no `clientMessageId`. The
 * ciphertext is the rest. It adds 156 bytes to a sealed message of 345 (300 of content); JSON with base64 adds 382.
 */
const version = 1;
const numberBytes = 6;
const largestNumber = 2 ** 48 - 1;
const longestId = 255;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `undefined` for a message that the format cannot hold. The same message always makes the same bytes. */
export function encodeEntry(message: StoredMessage): Uint8Array | undefined {
  const numbers = [message.seq, message.senderCount, message.sentAt];
  if (!numbers.every(isPositiveNumber)) return undefined;
  const ids = [message.conversationId, message.messageId, message.senderId, message.clientMessageId ?? ''];
  const encodedIds = ids.map((id) => Buffer.from(id));
  const required = encodedIds.slice(0, 3);
  const everyRequiredIdIsThere = required.every((id) => id.length > 0);
  const everyIdFits = encodedIds.every((id) => id.length <= longestId);
  if (!everyRequiredIdIsThere || !everyIdFits || message.ciphertext.length === 0) return undefined;

  const header = Buffer.alloc(1 + numbers.length * numberBytes);
  header[0] = version;
  numbers.forEach((number, index) => {
    header.writeUIntBE(number, 1 + index * numberBytes, numberBytes);
  });
  return Buffer.concat([
    header,
    ...encodedIds.flatMap((id) => [Buffer.of(id.length), id]),
    message.ciphertext,
  ]);
}

/**
 * The message of an entry, or `undefined` where the bytes are not an entry of this version for exactly this
 * place: a cache is shared memory, and what stands in it is not believed before the cipher has opened it either.
 */
export function decodeEntry(
  entry: Uint8Array,
  conversationId: string,
  seq: number,
): StoredMessage | undefined {
  const message = readEntry(Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength));
  const isInItsPlace = message?.conversationId === conversationId && message.seq === seq;
  return isInItsPlace ? message : undefined;
}

function readEntry(bytes: Buffer): StoredMessage | undefined {
  let offset = 1 + 3 * numberBytes;
  if (bytes.length < offset || bytes[0] !== version) return undefined;
  const [seq, senderCount, sentAt] = [0, 1, 2].map((index) =>
    bytes.readUIntBE(1 + index * numberBytes, numberBytes),
  );
  const ids: string[] = [];
  while (ids.length < 4) {
    const length = bytes[offset];
    if (length === undefined || offset + 1 + length > bytes.length) return undefined;
    const id = readText(bytes.subarray(offset + 1, offset + 1 + length));
    if (id === undefined) return undefined;
    ids.push(id);
    offset += 1 + length;
  }
  const [conversationId, messageId, senderId, clientMessageId] = ids;
  if (!seq || !senderCount || !sentAt || !conversationId || !messageId || !senderId) return undefined;
  if (senderCount > seq || offset === bytes.length) return undefined;
  return {
    conversationId,
    seq,
    messageId,
    senderId,
    senderCount,
    sentAt,
    ...(clientMessageId && { clientMessageId }),
    // A copy: a slice would keep the whole reply that it came in from being collected.
    ciphertext: new Uint8Array(bytes.subarray(offset)),
  };
}

function readText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function isPositiveNumber(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= largestNumber;
}
