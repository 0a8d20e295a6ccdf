import type { Message } from '../support/shapes.ts';

/** What `map` has at `key`, made there if there is nothing yet. */
export function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

export const makeMap = <K, V>() => new Map<K, V>();
export const makeSet = <V>() => new Set<V>();

export const placeOf = ({ conversationId, seq }: Message) => `${conversationId} seq ${seq}`;

/** Places of messages, by conversation. */
export interface Places {
  add(message: Message): void;
  has(message: Message): boolean;
}

export function makePlaces(): Places {
  const seqs = new Map<string, Set<number>>();
  return {
    add: ({ conversationId, seq }) => void entryOf(seqs, conversationId, makeSet<number>).add(seq),
    has: ({ conversationId, seq }) => seqs.get(conversationId)?.has(seq) ?? false,
  };
}
