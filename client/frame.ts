import type { Action } from '#shared/actions.ts';
import { limits } from '#shared/protocol/limits.ts';
import { PostriderError } from './errors.ts';

/** A request's frame, without its `requestId`. */
export type RequestFields = { readonly action: Action } & Readonly<Record<string, unknown>>;

/** As long as one can be, for a frame that is measured before it has its own. */
const longestRequestId = String(Number.MAX_SAFE_INTEGER);

/**
 * The text of a request. Throws a `PostriderError` for what can never arrive: `too_large` for what API Gateway would close
 * the connection for, after which the same frame would go out over the next one; `bad_request` for what JSON cannot say.
 */
export function frameOf(fields: RequestFields, requestId = longestRequestId): string {
  const frame = write({ ...fields, requestId });
  if (byteLength(frame) > limits.frameBytes)
    throw refusal(
      'too_large',
      `"${fields.action}" would make a frame of more than ${limits.frameBytes} bytes.`,
    );
  return frame;
}

function write(fields: RequestFields): string {
  try {
    return JSON.stringify(fields);
  } catch {
    throw refusal('bad_request', `"${fields.action}" has a field that JSON cannot say.`);
  }
}

/** Bytes of a well-formed `text` as UTF-8, as JSON always is. Not every runtime has a `TextEncoder`. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // Two units of a pair make four bytes; any other unit from 0x800 on makes three.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

/** Whether `text` has half of a surrogate pair, which UTF-8 cannot carry. */
export function hasLoneSurrogate(text: string): boolean {
  // Whole pairs are passed over by the first alternative.
  return (text.match(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g) ?? []).some(
    ({ length }) => length === 1,
  );
}

/** An error of the server's, told before anything was sent. */
export function refusal(code: 'bad_request' | 'too_large', message: string): PostriderError {
  return new PostriderError(code, message, { remedy: 'Correct it; it was not sent.' });
}
