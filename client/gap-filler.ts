import { limits } from '#shared/protocol/limits.ts';
import { backoff, type Random } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { Inbox } from './inbox.ts';
import type { Call } from './requests.ts';

/** Reads by `history` what is missing below messages that came early. */
export interface GapFiller {
  start(conversationId: string): void;
  /** While `work` runs nothing is filled, because it brings what is missing itself. */
  pauseFor<Result>(work: () => Promise<Result>): Promise<Result>;
}

interface GapFillerOptions {
  readonly inbox: Inbox;
  readonly call: Call;
  readonly clock: Clock;
  readonly random: Random;
  onError(error: unknown): void;
}

/** Pushes overtake each other by milliseconds: most gaps close by themselves. */
const patienceMs = 300;
/**
 * The server tells nothing across a missing message until what follows is 10 s old; after that it is missing for good. The
 * rest is for clocks that differ.
 */
const holeSettlesMs = 15_000;

export function makeGapFiller({ inbox, call, clock, random, onError }: GapFillerOptions): GapFiller {
  const filling = new Set<string>();
  let pauses = 0;

  async function fill(conversationId: string): Promise<void> {
    await sleep(clock, patienceMs);
    let emptySince: number | undefined;
    let cursor = 0;
    for (let empties = 0; ; ) {
      await inbox.finished(conversationId);
      const { taken, known } = inbox.extent(conversationId);
      if (taken >= known || pauses > 0) return;
      cursor = Math.max(cursor, taken);
      const limit = Math.max(1, Math.min(limits.historyLimit, known - cursor));
      const fields = { action: 'history', conversationId, after: cursor, limit } as const;
      const { messages, more } = await call('history.page', fields);
      let last = taken;
      for (const message of messages) {
        inbox.accept(message, last);
        last = message.seq;
      }
      if (messages.length > 0) {
        emptySince = undefined;
        continue;
      }
      emptySince ??= clock.now();
      if (clock.now() - emptySince < holeSettlesMs) {
        await sleep(clock, backoff(empties, random));
        empties += 1;
      } else if (more) cursor += limit;
      else inbox.skip(conversationId);
    }
  }

  function start(conversationId: string): void {
    if (pauses > 0 || filling.has(conversationId)) return;
    filling.add(conversationId);
    const again = (failed: boolean) => {
      filling.delete(conversationId);
      const { taken, known } = inbox.extent(conversationId);
      if (!failed && known > taken) start(conversationId);
    };
    fill(conversationId).then(
      () => again(false),
      (error) => {
        onError(error);
        again(true);
      },
    );
  }

  return {
    start,
    async pauseFor(work) {
      pauses += 1;
      try {
        return await work();
      } finally {
        pauses -= 1;
        for (const conversationId of inbox.behind()) start(conversationId);
      }
    },
  };
}
