import type { StoredMessage } from '#shared/log/message.ts';
import type { CircuitState } from './circuit-breaker.ts';
import { type GuardDependencies, makeGuardedConnection } from './guarded-connection.ts';
import type { MessageCache } from './message-cache.ts';
import { decodeEntry, encodeEntry } from './message-entry.ts';
import type { ValkeyCommand, ValkeyConnection, ValkeyReply } from './valkey-connection.ts';

export interface ValkeyCacheDependencies extends GuardDependencies {
  /** Which life of the data this is: what was kept in another one is not found. */
  readonly epoch: string;
  /** How long an entry, and a conversation without new ones, is kept. An hour by default: by the prices of 2026 an
   *  hour of storage costs as much as three reads of the database, a day as much as sixty. */
  readonly secondsToLive?: number;
  /** The last so many of each conversation in one sorted set, 100 by default: one page of `history`. */
  readonly perConversation?: number;
}

export interface ValkeyCache extends MessageCache {
  /** Resolves once the attempt to connect that is under way has ended: to whether there is a connection. */
  connected(): Promise<boolean>;
  circuit(): CircuitState;
  /** Ends the connection for good. */
  close(): void;
}

/** Single entries looked for in one MGET, so that a wide range cannot block a server that has one thread. */
const mostSingleEntries = 100;

/**
 * The second tier: sealed messages in Valkey, each under a key of its own and the last ones of a conversation in a
 * sorted set by seq. All keys of a conversation have one hash tag, and every key expires: the serverless service
 * evicts only those that would.
 */
export function makeValkeyCache(dependencies: ValkeyCacheDependencies): ValkeyCache {
  const { telemetry, epoch, secondsToLive = 3_600, perConversation = 100 } = dependencies;
  const guarded = makeGuardedConnection(dependencies);

  async function discard(connection: ValkeyConnection, commands: readonly ValkeyCommand[]): Promise<void> {
    if (commands.length === 0) return;
    telemetry.count('CachePoisoned', commands.length);
    accept(await connection.pipeline(commands));
  }

  async function read(connection: ValkeyConnection, keys: Keys, from: number, to: number) {
    const poisoned: ValkeyCommand[] = [];
    const found = await readRecent(connection, keys, from, to, poisoned);
    const holes = holesBetween(from, to, found);
    if (holes.length > 0) await readSingle(connection, keys, holes, found, poisoned);
    await discard(connection, poisoned);
    return [...found.values()];
  }

  return {
    /** One round trip. MULTI, because a connection cut off between ZADD and EXPIRE would leave a set that never expires. */
    async put(...messages) {
      const conversationId = messages[0]?.conversationId ?? '';
      if (!isHashTag(conversationId)) return;
      const { recent, entryAt } = keysOf(conversationId, epoch);
      const entries = messages.flatMap((message): ValkeyCommand[] => {
        const { seq } = message;
        const entry = encodeEntry(message);
        if (!entry) return [];
        return [
          ['SET', entryAt(seq), entry, 'EX', secondsToLive],
          ['ZREMRANGEBYSCORE', recent, seq, seq],
          ['ZADD', recent, seq, entry],
        ];
      });
      if (entries.length === 0) return;
      await guarded.run(async (connection) => {
        const replies = await connection.transaction([
          ...entries,
          ['ZREMRANGEBYRANK', recent, 0, -perConversation - 1],
          ['EXPIRE', recent, secondsToLive],
        ]);
        if (accept(replies) === 'wrong type') await discard(connection, [['DEL', recent]]);
      });
    },

    /** One round trip, and a second one where the sorted set has holes. Of those, the lowest 100 are looked for. */
    async range(conversationId, from, to) {
      if (!isHashTag(conversationId) || from > to) return [];
      return (
        (await guarded.run((connection) => read(connection, keysOf(conversationId, epoch), from, to))) ?? []
      );
    },

    async drop(conversationId, seq) {
      if (!isHashTag(conversationId)) return;
      const { recent, entryAt } = keysOf(conversationId, epoch);
      await guarded.run(async (connection) => {
        const replies = await connection.pipeline([
          ['DEL', entryAt(seq)],
          ['ZREMRANGEBYSCORE', recent, seq, seq],
        ]);
        if (accept(replies) === 'wrong type') await discard(connection, [['DEL', recent]]);
      });
    },

    connected: guarded.connected,
    circuit: guarded.circuit,
    close: guarded.close,
  };
}

async function readRecent(
  connection: ValkeyConnection,
  { conversationId, recent }: Keys,
  from: number,
  to: number,
  poisoned: ValkeyCommand[],
): Promise<Map<number, StoredMessage>> {
  const found = new Map<number, StoredMessage>();
  const replies = await connection.pipeline([['ZRANGE', recent, from, to, 'BYSCORE', 'WITHSCORES']]);
  if (accept(replies) === 'wrong type') {
    poisoned.push(['DEL', recent]);
    return found;
  }
  const [membersAndScores] = replies;
  if (!Array.isArray(membersAndScores)) throw new Error('unexpected reply to ZRANGE');
  for (let index = 0; index + 1 < membersAndScores.length; index += 2) {
    const [entry, score] = membersAndScores.slice(index, index + 2);
    if (!(entry instanceof Uint8Array)) continue;
    const seq = Number(score instanceof Uint8Array ? Buffer.from(score).toString() : score);
    const message = decodeEntry(entry, conversationId, seq);
    if (message) found.set(seq, message);
    else poisoned.push(['ZREM', recent, entry]);
  }
  return found;
}

async function readSingle(
  connection: ValkeyConnection,
  { conversationId, entryAt }: Keys,
  seqs: readonly number[],
  found: Map<number, StoredMessage>,
  poisoned: ValkeyCommand[],
): Promise<void> {
  const keys = seqs.map(entryAt);
  const replies = await connection.pipeline([['MGET', ...keys]]);
  accept(replies);
  const [entries] = replies;
  if (!Array.isArray(entries)) throw new Error('unexpected reply to MGET');
  seqs.forEach((seq, index) => {
    const entry = entries[index];
    if (!(entry instanceof Uint8Array)) return;
    const message = decodeEntry(entry, conversationId, seq);
    if (message) found.set(seq, message);
    else poisoned.push(['DEL', entryAt(seq)]);
  });
}

function holesBetween(from: number, to: number, found: ReadonlyMap<number, unknown>): number[] {
  const holes: number[] = [];
  for (let seq = Math.max(1, from); seq <= to && holes.length < mostSingleEntries; seq += 1) {
    if (!found.has(seq)) holes.push(seq);
  }
  return holes;
}

/** Throws what the server refused. A key of another type is not a failure of the server but something foreign in its place. */
function accept(replies: readonly ValkeyReply[]): 'ok' | 'wrong type' {
  const refusals = replies.filter((reply) => reply instanceof Error);
  const failure = refusals.find((refusal) => !refusal.message.startsWith('WRONGTYPE'));
  if (failure) throw failure;
  return refusals.length > 0 ? 'wrong type' : 'ok';
}

interface Keys {
  readonly conversationId: string;
  readonly recent: string;
  entryAt(seq: number): string;
}

/** Where a conversation's messages are. In another life of the data others may stand in the same places. */
function keysOf(conversationId: string, epoch: string): Keys {
  const own = `{${conversationId}}`;
  return {
    conversationId,
    recent: `${own}:recent:${epoch}`,
    entryAt: (seq) => `${own}:m:${epoch}:${seq}`,
  };
}

/** Anything with a brace in it would put the keys of one conversation into several slots. */
function isHashTag(conversationId: string): boolean {
  return /^[^{}]+$/.test(conversationId);
}
