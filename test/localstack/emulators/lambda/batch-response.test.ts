import { describe, expect, it } from 'vitest';
import { failedMessageIds } from '#localstack/emulators/lambda/batch-response.ts';

const batch = new Set(['first', 'second', 'third']);

describe('failedMessageIds', () => {
  it.each([
    { what: 'nothing', response: null },
    { what: 'undefined', response: undefined },
    { what: 'an empty object', response: {} },
    { what: 'a null list', response: { batchItemFailures: null } },
    { what: 'an empty list', response: { batchItemFailures: [] } },
  ])('takes $what for success', ({ response }) => {
    expect([...failedMessageIds(response, batch)]).toEqual([]);
  });

  it('gives the ids that are named', () => {
    const response = { batchItemFailures: [{ itemIdentifier: 'third' }, { itemIdentifier: 'first' }] };

    expect([...failedMessageIds(response, batch)].sort()).toEqual(['first', 'third']);
  });

  it.each([
    { what: 'text', response: 'ok' },
    { what: 'a bare list', response: [] },
    { what: 'a list that is none', response: { batchItemFailures: 'first' } },
    { what: 'a bare id', response: { batchItemFailures: ['first'] } },
    { what: 'another key', response: { batchItemFailures: [{ messageId: 'first' }] } },
    { what: 'a null id', response: { batchItemFailures: [{ itemIdentifier: null }] } },
    { what: 'an empty id', response: { batchItemFailures: [{ itemIdentifier: '' }] } },
    {
      what: 'an unknown id',
      response: { batchItemFailures: [{ itemIdentifier: 'first' }, { itemIdentifier: 'x' }] },
    },
  ])('takes $what for failure of the whole batch', ({ response }) => {
    expect(failedMessageIds(response, batch)).toEqual(batch);
  });
});
