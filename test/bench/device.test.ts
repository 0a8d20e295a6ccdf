import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '#shared/protocol/limits.ts';
import { startWorld, type World } from '#test/support/world.ts';
import { type Resume, resume } from '../../bench/device.ts';
import { leaveUndelivered } from '../../bench/undelivered.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

/** What bench/resume.ts prints for a larger load of the same structure. */
const countsOf = ({ rounds }: Resume) =>
  rounds.map(({ messages, pages, more, calls }) => ({ messages, pages, more, calls }));

function expectPromises({ rounds, mostPostsAtOnce, inOrder }: Resume): void {
  expect(inOrder).toBe(true);
  expect(mostPostsAtOnce).toBe(1);
  for (const { largestFrame } of rounds) expect(largestFrame).toBeLessThanOrEqual(limits.frameBytes);
}

test('missed in many conversations: pages, in order, in as many calls as there are conversations and pages', async () => {
  await leaveUndelivered(world, 'bob', { conversations: 340, messages: 3, contentBytes: 300 });

  const resumed = await resume(world, 'bob');

  expectPromises(resumed);
  // The end marker names 308; seven more were read ahead, and the one that it had no room for.
  expect(countsOf(resumed)).toStrictEqual([
    {
      messages: 924,
      pages: 16,
      more: true,
      calls: {
        // The budget, and that pushes may begin; a place among long drains (two limits), and three times four pages more.
        UpdateCommand: 2 + 2 + 3,
        // The mailboxes, and the messages of 308 + 8 conversations.
        QueryCommand: 1 + 316,
        // Members and salts of 100 conversations at a time.
        BatchGetCommand: 4,
        // The data key, once an environment.
        GetCommand: 1,
        PostToConnection: 16 + 1,
      },
    },
    {
      messages: 96,
      pages: 2,
      more: false,
      // Of 32 conversations 8 are in memory.
      calls: { UpdateCommand: 2, QueryCommand: 1 + 24, PostToConnection: 2 + 1 },
    },
  ]);
  // Of 308 positions in 4 frames: the budgets, the mailboxes, and whom to send receipts to.
  expect(resumed.ackCalls).toBe(4 + 308 + 308);
}, 120_000);

test('missed in one conversation: a hundred at a time', async () => {
  await leaveUndelivered(world, 'carol', { conversations: 1, messages: 250, contentBytes: 300 });

  const resumed = await resume(world, 'carol', { positions: new Map(), tiers: [] });

  expectPromises(resumed);
  expect(countsOf(resumed)).toStrictEqual([
    {
      messages: 250,
      pages: 5,
      more: false,
      calls: {
        // A page more than the first charge pays for.
        UpdateCommand: 2 + 2 + 1,
        QueryCommand: 1 + 3,
        BatchGetCommand: 1,
        GetCommand: 1,
        PostToConnection: 5 + 1,
      },
    },
  ]);
}, 120_000);
