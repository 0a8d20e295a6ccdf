import { directConversationId } from '#shared/log/conversation.ts';
import type { Event } from '#test/contract/history/record.ts';
import type { ClientRecord, Finding } from './client/record.ts';
import type { Dice } from './dice.ts';
import type { makeWorld } from './world.ts';

/** `repaired`: every conversation is, before anybody connects. `opened`: the sends have to do it. */
export type Restore = 'repaired' | 'opened';

type World = ReturnType<typeof makeWorld>;

/** Whatever was under way has ended by then, and what is visible of a commit is all of it. */
const pauseMs = 60_000;
const restoredTables = ['conversations', 'messages', 'mailboxes'];

/**
 * A restore from a backup: the service is closed, the tables go back by some seconds, each row of the mailboxes and each other
 * table to a moment of its own, the data get another epoch, and the service opens.
 */
export async function restoreTables(
  world: World,
  dice: Dice,
  users: readonly string[],
  how: Restore,
  record: ClientRecord,
): Promise<void> {
  const { scheduler } = world;
  world.close(true);
  const base = scheduler.now() - dice.between(0, 5_000);
  const spread = dice.pick([0, 300, 3_000]);
  await scheduler.sleep(pauseMs);
  const near = () => base + dice.between(0, spread);
  const moments = new Map(restoredTables.map((table) => [table, near()]));
  world.restore((table, { history }) => {
    if (table === 'mailboxes') return near();
    const moment = moments.get(table);
    // A head that is lost takes its salt with it, and nobody can read what is left: docs/limitations.md.
    const isHead = table === 'conversations' && moment !== undefined;
    return isHead ? Math.max(moment, history[0]?.at ?? moment) : moment;
  });
  record.restoredAt = record.events.length;
  if (how === 'opened') return world.close(false);
  for (const [index, one] of users.entries())
    for (const other of users.slice(index + 1)) await repair(world, [one, other]);
  world.close(false);
}

/** As whoever restores does it: again until it is done. */
async function repair(world: World, members: readonly [string, string]): Promise<void> {
  const conversationId = directConversationId(...members);
  for (let outcome: string | undefined; outcome !== 'whole' && outcome !== 'repaired'; ) {
    outcome = await world.repair(conversationId, { members, mayGoBack: true }).catch(() => undefined);
    if (outcome === 'unknown' || outcome === undefined) await world.scheduler.sleep(500);
  }
}

const nothing = { kind: 'ack', positions: {}, confirmed: false } as const;

/**
 * The record as of the restore: what went out before it may have taken place or not, and what was seen is not there any
 * more. A device is in the new life once it has forgotten the old one.
 */
export function sinceRestore(record: ClientRecord): ClientRecord {
  const { events, restoredAt = 0, resets } = record;
  const begins = (device: string) =>
    Math.max(restoredAt, resets.findLast((one) => one.device === device && one.at >= restoredAt)?.at ?? 0);
  const drains = new Set<number>();
  const kept = events.map((event, index): Event => {
    if (!('device' in event)) return event;
    const isOld = index < begins(event.device);
    if (event.kind === 'reconnect' && !isOld) drains.add(event.drain);
    const isHalf = event.kind === 'drained' && !drains.has(event.drain);
    const isAttempt = event.kind === 'send' || (event.kind === 'ack' && !event.confirmed);
    // In its place, because others count events.
    return (isOld || isHalf) && !isAttempt ? { ...nothing, user: event.user, device: event.device } : event;
  });
  return { ...record, events: kept };
}

/** Where places were left empty: each send that was confirmed since is there once, where it was confirmed, for both. */
export function judgeOpened(record: ClientRecord): Finding[] {
  const finals = record.events.filter((event) => event.kind === 'final');
  const findings: Finding[] = [];
  for (const { user, conversationId, messages } of finals) {
    const places = messages.map(({ seq, messageId }) => `${seq} ${messageId}`);
    for (const other of finals.filter((one) => one.conversationId === conversationId))
      if (other.messages.map(({ seq, messageId }) => `${seq} ${messageId}`).join() !== places.join())
        findings.push({
          rule: 'order',
          detail: `${user} and ${other.user} read ${conversationId} differently`,
        });
    if (new Set(messages.map(({ content }) => content)).size < messages.length)
      findings.push({ rule: 'duplicate', detail: `${user} finds a send twice in ${conversationId}` });
  }
  for (const event of sinceRestore(record).events) {
    if (event.kind !== 'sent') continue;
    const { conversationId, seq, messageId } = event.message;
    for (const final of finals.filter((one) => one.conversationId === conversationId))
      if (!final.messages.some((one) => one.seq === seq && one.messageId === messageId))
        findings.push({
          rule: 'loss',
          detail: `${final.user} does not find ${event.clientMessageId} at ${seq}`,
        });
  }
  return findings;
}
