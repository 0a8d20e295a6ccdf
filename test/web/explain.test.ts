import { expect, test } from 'vitest';
import { PostriderError } from '../../client/errors.ts';
import { explainQueue, explainRefusal, explainState } from '../../web/explain.ts';

const refusal = (code: PostriderError['code'], isBlocked = false) =>
  explainRefusal(new PostriderError(code, 'What is wrong.', { remedy: 'What to do.' }), {
    peer: 'bob',
    isBlocked,
  });

test('states are told in words', () => {
  expect(explainState({ state: 'connected', previous: 'connecting', reason: 'caught_up' })).toBe('Connected');
  expect(explainState({ state: 'connecting', previous: 'disconnected', reason: 'connect' })).toBe(
    'Connecting …',
  );
  const lost = { state: 'connecting', previous: 'connecting', reason: 'lost' } as const;
  expect(explainState(lost)).toBe('Connection lost, connecting …');
  expect(explainState({ ...lost, retryInMs: 400 })).toBe('No connection, trying again …');
  expect(explainState({ ...lost, retryInMs: 3_100 })).toBe('No connection, trying again in 4 s');
});

test('a refusal says who has blocked whom only where it was oneself', () => {
  expect(refusal('forbidden')).toBe('You and bob cannot write to each other at present.');
  expect(refusal('forbidden', true)).toBe('You had blocked bob. Unblock bob, then try again.');
  expect(refusal('not_found', true)).toBe('What is wrong. What to do.');
});

test('what is not known better is told as the server tells it', () => {
  expect(refusal('not_found')).toBe('What is wrong. What to do.');
  expect(refusal('too_large')).toContain('16,384 bytes');
});

test('the queue is told only when there is one', () => {
  expect([0, 1, 2].map(explainQueue)).toEqual([
    '',
    '1 message waits to be sent',
    '2 messages wait to be sent',
  ]);
});
