import { errorCodes, errorFrame } from '#shared/protocol/errors.ts';
import { byteLength } from '#shared/protocol/fields.ts';
import { limits } from '#shared/protocol/limits.ts';
import { parseRequest, type Request } from '#test/support/parse-request.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

const id = 'x'.repeat(43);
const numbered = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, 1]));

/** A client's frame: read as exactly what it says, or refused with an error that fits into a frame. */
export const target: FuzzTarget = {
  files: [
    'shared/runtime/read-frame.ts',
    'shared/actions.ts',
    'shared/protocol/shape.ts',
    'shared/protocol/fields.ts',
    'shared/protocol/user-id.ts',
  ],
  seeds: [
    { action: 'send', recipientId: 'bob', content: 'hi', clientMessageId: 'c', requestId: 'r' },
    { action: 'send', conversationId: id, content: 'é' },
    { action: 'reconnect', positions: { [id]: 0, b: 7 }, only: true, epoch: 'e' },
    { action: 'ack', positions: { [id]: 3 } },
    { action: 'read', conversationId: id, seq: 1 },
    { action: 'history', conversationId: id, before: 2, limit: 100 },
    { action: 'history', conversationId: id, after: 0 },
    { action: 'conversations', cursor: 'c', limit: 5 },
    { action: 'block', userId: 'bob' },
    { action: 'unblock', userId: 'bob' },
    { action: 'ping' },
    // Just above each limit: mutations would not come so far.
    { action: 'reconnect', positions: numbered(limits.reconnectPositions + 1), epoch: 'e' },
    { action: 'ack', positions: numbered(limits.ackPositions + 1) },
    { action: 'send', recipientId: 'bob', content: 'x'.repeat(limits.contentBytes + 1) },
    { action: 'send', recipientId: 'bob', content: '"'.repeat(limits.contentJsonBytes / 2) },
    { action: 'ping', requestId: 'r'.repeat(limits.requestIdLength + 1) },
    { action: 'reconnect', positions: { c: 1 }, epoch: 'e' },
    { action: 'reconnect', epoch: 'e'.repeat(limits.epochLength + 1) },
    { action: 'ping', x: 'x'.repeat(limits.frameBytes) },
    // Names that would not fit into an error beside its other words.
    { action: 'x'.repeat(limits.frameBytes - 20) },
    { action: 'ping', ['x'.repeat(limits.frameBytes - 30)]: 1 },
  ].map((frame) => JSON.stringify(frame)),
  words: [
    ...['"action":', '"send"', '"reconnect"', '"ack"', '"read"', '"history"', '"conversations"', '"block"'],
    ...['"unblock"', '"ping"', '"requestId":', '"recipientId":', '"conversationId":', '"content":'],
    ...[
      '"clientMessageId":',
      '"positions":',
      '"only":',
      '"epoch":',
      '"seq":',
      '"before":',
      '"after":',
      '"limit":',
    ],
    ...['"cursor":', '"userId":', '"__proto__":', '"constructor":', '"toString"', 'true', 'null', '{', '}'],
    ...['[', ']', ',', ':', '""', ',"constructor":1', ',"toString":"x"', ',"__proto__":{"polluted":1}'],
  ],
  run(input) {
    const body = textOf(input);
    const parsed = parseRequest(body);
    const { requestId } = parsed;
    hold(
      requestId === undefined || JSON.parse(body).requestId === requestId,
      'a requestId that was not sent',
    );
    if ('error' in parsed) {
      const frame = JSON.stringify(errorFrame(parsed.error, requestId));
      hold(errorCodes.includes(parsed.error.code), 'an error without a code');
      hold(parsed.error.message !== '' && parsed.error.remedy !== '', 'an error that says nothing');
      hold(byteLength(frame) <= limits.frameBytes && frame.isWellFormed(), 'an error that is no frame');
    } else {
      hold(byteLength(body) <= limits.frameBytes, 'a frame above the limit');
      // What was read, written again, is what was sent: nothing is made up, dropped or converted.
      hold(sameAsSent(parsed.request, JSON.parse(body)), 'read as something else');
      hold(isWithinBounds(parsed.request), 'a value out of bounds');
    }
    hold(!('polluted' in {}) && Object.keys(Object.prototype).length === 0, 'a changed prototype');
  },
};

function sameAsSent(request: Request, { requestId: _, ...sent }: Record<string, unknown>): boolean {
  const read = Object.entries(request);
  if (read.length !== Object.keys(sent).length) return false;
  return read.every(([name, value]) => {
    if (!(value instanceof Map)) return value === asRead(sent[name]);
    const positions = Object.entries(sent[name] as object);
    return JSON.stringify([...value]) === JSON.stringify(positions.map(([key, seq]) => [key, asRead(seq)]));
  });
}

/** -0 becomes 0, and what a number cannot tell from its neighbours the last one that it can. */
function asRead(value: unknown): unknown {
  return typeof value === 'number' ? Math.min(value, Number.MAX_SAFE_INTEGER) + 0 : value;
}

/** The bounds of docs/protocol.md, once more. */
function isWithinBounds(request: Request): boolean {
  return Object.entries(request).every(([name, value]) => {
    if (value instanceof Map) {
      const [most, least] = request.action === 'ack' ? [100, 1] : [500, 0];
      return value.size <= most && [...value.values()].every((seq) => isInteger(seq, least));
    }
    if (name === 'seq' || name === 'before') return isInteger(value, 1);
    if (name === 'after') return isInteger(value, 0);
    if (name === 'limit') return isInteger(value, 1) && value <= 100;
    if (name === 'only') return typeof value === 'boolean';
    if (typeof value !== 'string' || value === '' || !value.isWellFormed()) return false;
    if (name === 'userId' || name === 'recipientId') return /^[\w.:@|-]{1,128}$/.test(value);
    if (name === 'clientMessageId') return /^[ -~]{1,64}$/.test(value);
    return name !== 'content' || (byteLength(value) <= 16_384 && byteLength(JSON.stringify(value)) <= 31_000);
  });
}

function isInteger(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least;
}
