import { expect, test } from 'vitest';
import { makeDevice } from '../../web/device.ts';

test('a device tells nothing before it is woken: what hears it may not be there yet', () => {
  const told: string[] = [];
  const device = makeDevice(
    {
      user: 'alice',
      name: 'alice 1',
      url: 'ws://127.0.0.1:1/local',
      storage: { all: () => [], put: () => undefined, remove: () => undefined },
      memory: {
        recall: () => ({ deliveredSeq: 0, readSeq: 0, isBlocked: false }),
        keep: () => undefined,
        recallFailed: () => [],
        keepFailed: () => undefined,
        forgetFailed: () => undefined,
        turnTo: () => false,
      },
      getToken: () => new Promise(() => {}),
      onShow: (peer) => told.push(peer),
      onChange: () => told.push('change'),
      onIncoming: () => told.push('incoming'),
      onProblem: (text) => told.push(text),
    },
    'bob',
  );
  expect(told).toEqual([]);
  device.wake();
  expect(told).toEqual(['change']);
  device.close();
});
