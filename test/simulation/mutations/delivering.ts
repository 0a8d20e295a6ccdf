import type { Mutation } from './mutation.ts';
import { sources } from './sources.ts';

/** From the commit to the devices. */
export const delivering: readonly Mutation[] = [
  {
    guard: 'the second look-up of connections, after the commit',
    file: sources.deliverNow,
    find: "...conversation.members.map(async (member) => tell(await connections.of(member, 'strong', skip))),",
    replace: '',
  },
  {
    guard: 'the second look-up is consistent',
    file: sources.deliverNow,
    find: "connections.of(member, 'strong', skip)",
    replace: "connections.of(member, 'eventual', skip)",
  },
  {
    guard: 'a connection that is not open yet is looked at again',
    file: sources.deliverNow,
    find: 'isOpen(one, dependencies) && !told.has',
    replace: '!told.has',
  },
  {
    guard: 'after the commit nothing turns success into failure',
    file: sources.deliverNow,
    find: "telemetry.error('delivery after the commit failed'",
    replace: "throw error;\n      telemetry.error('delivery after the commit failed'",
  },
  {
    guard: 'pushes begin with the first reconnect (410 is not always death)',
    file: sources.push,
    find: 'return ready && expiresAt > clock.now() && openedIn === epoch;',
    replace: 'return (ready || !ready) && expiresAt > clock.now() && openedIn === epoch;',
  },
  {
    guard: 'no push after the expiry of the token',
    file: sources.push,
    find: 'return ready && expiresAt > clock.now() && openedIn === epoch;',
    replace: 'return ready && (expiresAt > clock.now() || true) && openedIn === epoch;',
  },
  {
    guard: 'a query is read through all of its pages',
    file: sources.queryAll,
    find: 'start = page.LastEvaluatedKey;',
    replace: 'start = undefined;',
  },
  {
    guard: 'a clientMessageId is shown to its sender alone',
    file: sources.messageView,
    find: 'stored.senderId === viewerId &&',
    replace: '(stored.senderId === viewerId || true) &&',
  },
  {
    guard: 'a push that nobody took becomes a notification',
    file: sources.deliverLater,
    find: 'await notifications.publish({ ...named, unread: unreadCount(mailbox) });',
    replace: '',
  },
  {
    guard: 'a push that somebody took is looked at once more: the connection may be dead',
    file: sources.deliverLater,
    find: 'await queue.leave({ ...named, isLastLook: true }, acknowledgedWithinSeconds);',
    replace: '',
  },
  {
    guard: 'a frame that may have arrived is sent again only if it may come twice',
    file: sources.managementApi,
    find: 'mayRepeat ? isThrottledOrUnanswered : isThrottled',
    replace: 'isThrottledOrUnanswered',
  },
];
