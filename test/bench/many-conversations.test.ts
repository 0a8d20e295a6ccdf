import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startWorld } from '#test/support/world.ts';
import { type Cost, measureManyConversations } from '../../bench/many-conversations.ts';

const counted = ({ calls, readUnits }: Cost) => [calls, readUnits];

test('many conversations: one query for a reconnect, and pages that cost what they return', async () => {
  const world = await startWorld();
  try {
    const cost = await measureManyConversations(world, randomUUID(), 500, 10);

    // The budget, that pushes may begin, and 500 rows of 280 bytes.
    expect(counted(cost.reconnect)).toStrictEqual([3, 35]);
    // The budget, 300 rows, the keys, 55 rows in whole hours, the members of 50 conversations.
    expect(counted(cost.firstPage)).toStrictEqual([5, 21 + 3 + 55 + 50]);
    // Eight pages begin with the 5 rows of the cursor’s own hour, and the tenth has nothing after it.
    const [, firstUnits = 0] = counted(cost.firstPage);
    expect(counted(cost.allPages)).toStrictEqual([
      5 + 9 * 4,
      firstUnits + 8 * (3 + 5 + 55 + 50) + (2 + 5 + 50 + 50),
    ]);
  } finally {
    await world.stop();
  }
}, 60_000);
