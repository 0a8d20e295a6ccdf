import type { StoredMessage } from '#shared/log/message.ts';

/** A tier above the database that holds sealed messages. It may be missing, slow, stale or wrong; it never throws. */
export interface MessageCache {
  /** Keeps committed messages of one conversation. */
  put(...messages: readonly StoredMessage[]): Promise<void>;
  /** Those that it has of the seqs `from`…`to` (inclusive), in any order; holes are normal. */
  range(conversationId: string, from: number, to: number): Promise<StoredMessage[]>;
  /** Forgets an entry that did not open. */
  drop(conversationId: string, seq: number): Promise<void>;
}
