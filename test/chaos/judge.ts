import { check, type Rule } from '#test/contract/history/check.ts';
import type { BlockEvent, Event, RefusedEvent } from '#test/contract/history/record.ts';

export interface Finding {
  /**
   * The checker's rules, and: a message that was accepted although it was blocked, a frame that no server may send, a
   * device that could not come back, a stack that ended by itself.
   */
  readonly rule: Rule | 'blocked' | 'protocol' | 'unreachable' | 'crash';
  readonly detail: string;
}

/** `at`: milliseconds since the epoch. */
export type RecordedEvent = Event & { readonly at: number };

/** What a request whose answer never came may still do: a Lambda lives for 29 s, and may have waited for its turn. */
const zombieMs = 60_000;

/** All that the history breaks: of the contract, and of what blocking promises. */
export function judge(events: readonly RecordedEvent[]): Finding[] {
  const blocks = makeBlocks(events);
  const excused = (event: RecordedEvent) =>
    event.kind === 'refused' &&
    event.code === 'forbidden' &&
    blocks.allowRefusal(event, firstAttempt(events, event));
  return [...check(events.filter((event) => !excused(event))), ...blocks.findAccepted()];
}

function firstAttempt(events: readonly RecordedEvent[], refused: RefusedEvent): number {
  const name = nameOf(refused);
  return events.find((event) => event.kind === 'send' && nameOf(event) === name)?.at ?? 0;
}

function nameOf({
  user,
  to,
  clientMessageId,
}: {
  user: string;
  to: string;
  clientMessageId: string;
}): string {
  return `${user} ${to} ${clientMessageId}`;
}

interface Ask {
  readonly device: string;
  readonly blocked: boolean;
  readonly askedAt: number;
  readonly confirmedAt: number;
}

/** Who had blocked whom, as far as the devices can know. */
function makeBlocks(events: readonly RecordedEvent[]) {
  const asks = new Map<string, Ask[]>();
  for (const event of events) if (event.kind === 'block') addAsk(asks, event);

  /** Whether the last word before `from` was surely `blocked`, and nothing else can have been heard by `until`. */
  function isSettled(owner: string, other: string, blocked: boolean, from: number, until: number): boolean {
    const all = asks.get(`${owner} ${other}`) ?? [];
    const opposite = all.filter((ask) => ask.blocked !== blocked && ask.askedAt <= until);
    return all.some(
      (ask) =>
        ask.blocked === blocked &&
        ask.confirmedAt < from &&
        opposite.every(({ askedAt }) => askedAt + zombieMs < ask.askedAt),
    );
  }

  function mayBeBlocked(owner: string, other: string, from: number, until: number): boolean {
    const all = asks.get(`${owner} ${other}`) ?? [];
    return (
      all.some((ask) => ask.blocked && ask.askedAt <= until) && !isSettled(owner, other, false, from, until)
    );
  }

  return {
    allowRefusal: ({ user, to, at }: RefusedEvent & { at: number }, from: number) =>
      mayBeBlocked(user, to, from, at) || mayBeBlocked(to, user, from, at),

    findAccepted(): Finding[] {
      const begun = new Map<string, number>();
      const findings: Finding[] = [];
      for (const event of events) {
        if (event.kind === 'send' && !begun.has(nameOf(event))) begun.set(nameOf(event), event.at);
        if (event.kind !== 'sent') continue;
        const { user, to, at, message } = event;
        const from = begun.get(nameOf(event)) ?? 0;
        for (const [owner, other] of [
          [user, to],
          [to, user],
        ] as const)
          if (isSettled(owner, other, true, from, at))
            findings.push({
              rule: 'blocked',
              detail: `${message.conversationId} seq ${message.seq} was accepted although ${owner} had blocked ${other}`,
            });
      }
      return findings;
    },
  };
}

function addAsk(asks: Map<string, Ask[]>, event: BlockEvent & { at: number }): void {
  const { device, user, other, blocked, confirmed, at } = event;
  const key = `${user} ${other}`;
  const all = asks.get(key) ?? [];
  asks.set(key, all);
  const last = all.findLastIndex((ask) => ask.device === device && ask.blocked === blocked);
  const asked = all[last];
  if (confirmed && asked) all[last] = { ...asked, confirmedAt: at };
  else all.push({ device, blocked, askedAt: at, confirmedAt: Number.POSITIVE_INFINITY });
}
