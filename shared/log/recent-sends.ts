import { createHash } from 'node:crypto';
import { limits } from '#shared/protocol/limits.ts';

/**
 * A sender's last sends in one conversation, oldest first: 10 bytes each, 6 of the clientMessageId's SHA-256 (zeros
 * without one) and 4 of the seq. It is a hint: the stored message decides whether a send is a repetition.
 */
export type RecentSends = Uint8Array;

const digestBytes = 6;
const entryBytes = digestBytes + 4;

export const noRecentSends: RecentSends = new Uint8Array(0);

/** `sends` with one more, the oldest dropped beyond the limit. */
export function rememberSend(
  sends: RecentSends,
  clientMessageId: string | undefined,
  seq: number,
): RecentSends {
  const kept = sends.subarray(Math.max(0, sends.byteLength - (limits.rememberedSends - 1) * entryBytes));
  const next = new Uint8Array(kept.byteLength + entryBytes);
  next.set(kept);
  next.set(digestOf(clientMessageId), kept.byteLength);
  new DataView(next.buffer).setUint32(kept.byteLength + digestBytes, seq);
  return next;
}

/** The seqs under which `clientMessageId` may have been sent, newest first. */
export function sendsLike(sends: RecentSends, clientMessageId: string): number[] {
  const digest = digestOf(clientMessageId);
  return entries(sends)
    .filter((entry) => digest.every((byte, index) => byte === entry.digest[index]))
    .map((entry) => entry.seq)
    .reverse();
}

/** How many of the remembered sends came after `seq`. */
export function sendsAfter(sends: RecentSends, seq: number): number {
  return entries(sends).filter((entry) => entry.seq > seq).length;
}

/** How many sends are remembered. */
export function countSends(sends: RecentSends): number {
  return sends.byteLength / entryBytes;
}

function entries(sends: RecentSends): { digest: Uint8Array; seq: number }[] {
  const view = new DataView(sends.buffer, sends.byteOffset, sends.byteLength);
  return Array.from({ length: countSends(sends) }, (_, index) => ({
    digest: sends.subarray(index * entryBytes, index * entryBytes + digestBytes),
    seq: view.getUint32(index * entryBytes + digestBytes),
  }));
}

function digestOf(clientMessageId: string | undefined): Uint8Array {
  if (clientMessageId === undefined) return new Uint8Array(digestBytes);
  return createHash('sha256').update(clientMessageId).digest().subarray(0, digestBytes);
}
