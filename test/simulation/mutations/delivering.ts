import type { Mutation } from './mutation.ts';

const deliverNow = 'shared/delivery/deliver-now.ts';
const managementApi = 'shared/connections/gateway.apigateway.ts';
const deliverLater = 'shared/delivery/deliver-later.ts';
const push = 'shared/delivery/push.ts';
const sendTest = 'shared/log/send-message.test.ts';
const laterTest = 'shared/delivery/deliver-later.test.ts';

/** From the commit to the devices. */
export const delivering: readonly Mutation[] = [
  {
    guard: 'the second look-up of connections, after the commit',
    file: deliverNow,
    find: "...conversation.members.map(async (member) => tell(await connections.of(member, 'strong', skip))),",
    replace: '',
    test: sendTest,
  },
  {
    guard: 'the second look-up is consistent',
    file: deliverNow,
    find: "connections.of(member, 'strong', skip)",
    replace: "connections.of(member, 'eventual', skip)",
    test: 'shared/consistent-reads.test.ts',
  },
  {
    guard: 'a connection that is not open yet is looked at again',
    file: deliverNow,
    find: 'isOpen(one, clock) && !told.has',
    replace: '!told.has',
    test: sendTest,
  },
  {
    guard: 'after the commit nothing takes longer than 1.5 s',
    ...{ file: deliverNow, find: 'const afterCommitMs = 1_500;', replace: 'const afterCommitMs = 60_000;' },
    test: 'shared/log/send-guards.test.ts',
  },
  {
    guard: 'after the commit nothing turns success into failure',
    file: deliverNow,
    find: "telemetry.error('delivery after the commit failed'",
    replace: "throw error;\n      telemetry.error('delivery after the commit failed'",
    test: sendTest,
  },
  {
    guard: 'pushes begin with the first reconnect (410 is not always death)',
    file: push,
    find: 'return ready && expiresAt > clock.now();',
    replace: 'return (ready || !ready) && expiresAt > clock.now();',
    test: sendTest,
  },
  {
    guard: 'no push after the expiry of the token',
    file: push,
    find: 'return ready && expiresAt > clock.now();',
    replace: 'return ready && (expiresAt > clock.now() || true);',
    test: sendTest,
  },
  {
    guard: 'the row of a connection that is gone is removed',
    file: push,
    find: "if (outcome === 'gone') await table.remove(connection);",
    replace: '',
    test: sendTest,
  },
  {
    guard: 'a reference that comes before its message comes again',
    file: deliverLater,
    find: 'return !mayStillCome;',
    replace: 'return true;',
    test: laterTest,
  },
  {
    guard: 'a push that fails is that connection’s alone',
    file: push,
    find: "        return 'failed';\n      }",
    replace: '        throw error;\n      }',
    test: sendTest,
  },
  {
    guard: 'a query is read through all of its pages',
    file: 'shared/aws/query-all.ts',
    find: 'start = page.LastEvaluatedKey;',
    replace: 'start = undefined;',
    test: sendTest,
  },
  {
    guard: 'what goes side by side is waited for to its last part',
    file: 'shared/runtime/waiting.ts',
    find: 'await Promise.allSettled(work);',
    replace: '',
    test: 'shared/runtime/waiting.test.ts',
  },
  {
    guard: 'a clientMessageId is shown to its sender alone',
    file: 'shared/log/message-view.ts',
    find: 'stored.senderId === viewerId &&',
    replace: '(stored.senderId === viewerId || true) &&',
    test: sendTest,
  },
  {
    guard: 'later delivery passes over what was acknowledged',
    file: deliverLater,
    find: 'if (mailbox.deliveredSeq >= seq) return true;',
    replace: '',
    test: laterTest,
  },
  {
    guard: 'later delivery passes over what was never committed',
    file: deliverLater,
    find: '!mailbox || mailbox.lastSeq < seq',
    replace: '!mailbox',
    test: laterTest,
  },
  {
    guard: 'later delivery passes over the references of lost attempts',
    file: deliverLater,
    find: 'if (stored && stored.messageId !== messageId) return true;',
    replace: '',
    test: laterTest,
  },
  {
    guard: 'a push that nobody took becomes a notification',
    ...{ file: deliverLater, find: 'if (taken === 0) {', replace: 'if (false) {', test: laterTest },
  },
  {
    guard: 'a push that failed is tried again later',
    ...{
      file: deliverLater,
      find: 'return failed === 0 || isLast;',
      replace: 'return true;',
      test: laterTest,
    },
  },
  {
    guard: 'a push that fails to the last is not set aside as a failure',
    ...{ file: deliverLater, find: ' || isLast;', replace: ';', test: laterTest },
  },
  {
    guard: 'a frame that may have arrived is sent again only if it may come twice',
    file: managementApi,
    find: 'mayRepeat ? isThrottledOrUnanswered : isThrottled',
    replace: 'isThrottledOrUnanswered',
    test: 'shared/connections/gateway.test.ts',
  },
  {
    guard: 'no attempt at a post begins after a second',
    file: 'shared/runtime/retries.ts',
    find: 'if (clock.now() >= end) throw error;',
    replace: '',
    test: 'shared/connections/gateway.test.ts',
  },
  {
    guard: 'a failed record of the queue comes again, and it alone',
    file: 'shared/delivery/deliver-handler.ts',
    find: 'return true;',
    replace: 'return false;',
    test: 'functions/deliver.test.ts',
  },
];
