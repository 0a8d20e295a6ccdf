import { ProtocolError } from './errors.ts';
import { limits } from './limits.ts';
import { isUserId } from './user-id.ts';

/** Checks one field of a frame and returns it typed, or throws a `ProtocolError` that names it. */
export type FieldCheck<T> = (value: unknown, name: string) => T;

export function badRequest(message: string, remedy?: string): ProtocolError {
  return new ProtocolError('bad_request', message, remedy === undefined ? {} : { remedy });
}

const utf8 = new TextEncoder();

/** Bytes of `text` as UTF-8. */
export function byteLength(text: string): number {
  return utf8.encode(text).byteLength;
}

export const text: FieldCheck<string> = (value, name) => {
  if (typeof value !== 'string') throw badRequest(`"${name}" must be a string.`);
  if (value === '') throw badRequest(`"${name}" must not be empty.`);
  return wellFormed(value, name);
};

function wellFormed(value: string, name: string): string {
  if (!value.isWellFormed())
    throw badRequest(`"${name}" has a lone surrogate, which UTF-8 cannot carry.`, 'Send whole characters.');
  return value;
}

export const userId: FieldCheck<string> = (value, name) => {
  if (!isUserId(value))
    throw badRequest(
      `"${name}" must be a user id: 1 to ${limits.userIdLength} of A-Z a-z 0-9 . _ : @ | -, and not "system"`,
    );
  return value;
};

export const requestId: FieldCheck<string> = (value, name) => {
  const id = text(value, name);
  if ([...id].length > limits.requestIdLength)
    throw badRequest(`"${name}" must have 1 to ${limits.requestIdLength} characters.`);
  return id;
};

/** Which life of the data positions belong to; opaque. */
export const epoch: FieldCheck<string> = (value, name) => {
  const id = text(value, name);
  if ([...id].length > limits.epochLength)
    throw badRequest(`"${name}" must have 1 to ${limits.epochLength} characters.`);
  return id;
};

export const clientMessageId: FieldCheck<string> = (value, name) => {
  const id = text(value, name);
  if (id.length > limits.clientMessageIdLength || !/^[\x20-\x7e]+$/.test(id))
    throw badRequest(
      `"${name}" must have 1 to ${limits.clientMessageIdLength} printable ASCII characters.`,
      'A UUID serves well.',
    );
  return id;
};

export const content: FieldCheck<string> = (value, name) => {
  const body = text(value, name);
  if (byteLength(body) > limits.contentBytes)
    throw new ProtocolError('too_large', `"${name}" has more than ${limits.contentBytes} bytes of UTF-8.`);
  if (byteLength(JSON.stringify(body)) > limits.contentJsonBytes)
    throw new ProtocolError(
      'too_large',
      `"${name}" has more than ${limits.contentJsonBytes} bytes once written as a JSON string.`,
      { remedy: 'Send less, or fewer characters that JSON must escape.' },
    );
  return body;
};

export const flag: FieldCheck<boolean> = (value, name) => {
  if (typeof value !== 'boolean') throw badRequest(`"${name}" must be true or false.`);
  return value;
};

/** An integer from `from` to `to`. Those that a number no longer tells apart are all the same: far beyond any seq. */
export function integer(from: number, to = Number.POSITIVE_INFINITY): FieldCheck<number> {
  return (value, name) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to)
      // -0 is an integer to JSON but not to a database key.
      return Math.min(value, Number.MAX_SAFE_INTEGER) + 0;
    const range = to === Number.POSITIVE_INFINITY ? `of ${from} or more` : `from ${from} to ${to}`;
    throw badRequest(`"${name}" must be an integer ${range}.`);
  };
}

/** `{conversationId: position}`, at most `most` of them, each at least `from`, in the frame's order. */
export function positions(most: number, from: number): FieldCheck<ReadonlyMap<string, number>> {
  const position = integer(from);
  return (value, name) => {
    if (!isPlainObject(value)) throw badRequest(`"${name}" must be an object {conversationId: number}.`);
    const entries = Object.entries(value);
    if (entries.length > most)
      throw badRequest(`"${name}" names ${entries.length} conversations, at most ${most} are allowed.`);
    return new Map(
      entries.map(([id, seq]) => [wellFormed(id, name), position(seq, `${name}.${abbreviate(id)}`)]),
    );
  };
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A client's own word, short and well-formed enough to be told back to it. */
export function abbreviate(word: string): string {
  const characters = [...word.toWellFormed()];
  return characters.length <= 64 ? characters.join('') : `${characters.slice(0, 64).join('')}…`;
}
