import { createHash, randomBytes } from 'node:crypto';
import type { StoredMessage } from '#shared/log/message.ts';
import type { Clock } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import { silentTelemetry } from '#test/support/telemetry.ts';

export const conversation = createHash('sha256').update('alice and bob').digest('base64url');

export function message(seq: number, changes: Partial<StoredMessage> = {}): StoredMessage {
  return {
    conversationId: conversation,
    seq,
    messageId: `0199a1b2-c3d4-7e5f-8a9b-${String(seq).padStart(12, '0')}`,
    senderId: 'alice@example.com',
    senderCount: Math.ceil(seq / 2),
    sentAt: 1_790_000_000_000 + seq,
    ciphertext: new Uint8Array(randomBytes(80)),
    ...changes,
  };
}

export function messages(from: number, to: number): StoredMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
}

export function seqs(found: readonly StoredMessage[]): number[] {
  return found.map(({ seq }) => seq).sort((one, other) => one - other);
}

export interface ManualClock extends Clock {
  /** Moves the time on, and ends the sleeps that end by then. */
  advance(milliseconds: number): void;
}

/** A time that stands still: what should not wait for it must end without `advance`. */
export function makeManualClock(): ManualClock {
  let now = 1_800_000_000_000;
  let sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  return {
    now: () => now,
    sleep: (milliseconds) =>
      new Promise((wake) => {
        sleepers.push({ until: now + milliseconds, wake });
      }),
    advance(milliseconds) {
      now += milliseconds;
      const due = sleepers.filter(({ until }) => until <= now);
      sleepers = sleepers.filter(({ until }) => until > now);
      for (const { wake } of due) wake();
    },
  };
}

export interface RecordedTelemetry extends Telemetry {
  readonly counts: Map<string, number>;
  /** Everything that was given to a log, as text. */
  lines(): string[];
}

export function recordTelemetry(): RecordedTelemetry {
  const counts = new Map<string, number>();
  const lines: string[] = [];
  const record = (...parts: unknown[]) => {
    lines.push(parts.map((part) => (part instanceof Error ? part.stack : JSON.stringify(part))).join(' '));
  };
  return {
    ...silentTelemetry,
    counts,
    lines: () => lines,
    info: record,
    warn: record,
    error: record,
    count: (name, by = 1) => {
      counts.set(name, (counts.get(name) ?? 0) + by);
    },
  };
}
