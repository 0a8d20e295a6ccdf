import type { Event } from '#test/contract/history/record.ts';

/** What a device was told of a `conversations` entry. */
export interface Standing {
  /** How many events there were before it was asked for. */
  readonly askedAt: number;
  readonly user: string;
  readonly conversationId: string;
  readonly lastSeq: number;
  readonly deliveredSeq: number;
  readonly readSeq: number;
  readonly unread: number;
}

/** A `block` or `unblock` from its first frame to its end; moments are counts of events. */
export interface RelationshipChange {
  readonly owner: string;
  readonly other: string;
  readonly kind: 'block' | 'unblock';
  readonly begun: number;
  confirmed: number | undefined;
}

export interface SendAttempts {
  readonly name: string;
  readonly user: string;
  readonly to: string;
  readonly content: string;
  readonly begun: number;
  /** `undefined` where an attempt of it may still be under way. */
  ended: number | undefined;
  wasForbidden: boolean;
}

export interface Finding {
  readonly rule: string;
  readonly detail: string;
}

/** All that the clients of one run have done and seen. */
export interface ClientRecord {
  /** In the form that the checker of client histories reads. */
  readonly events: Event[];
  readonly relationships: RelationshipChange[];
  readonly sends: SendAttempts[];
  readonly standings: Standing[];
  /** Wrong by themselves, whatever else happened. */
  readonly findings: Finding[];
  /** When a device forgot what it held, because the data had another epoch; moments are counts of events. */
  readonly resets: { readonly device: string; readonly at: number }[];
  /** When tables were restored from a backup. */
  restoredAt?: number;
}

export function makeClientRecord(): ClientRecord {
  return { events: [], relationships: [], sends: [], standings: [], findings: [], resets: [] };
}
