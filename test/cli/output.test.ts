import { expect, test } from 'vitest';
import { errorEvent } from '../../cli/output.ts';
import { clientError, serverError } from '../../client/errors.ts';

test('what the SDK advises programmers is said to a person at the terminal in other words', () => {
  const [event, text] = errorEvent(clientError('closed', 'The client was closed.'));
  expect(event).toMatchObject({ code: 'closed', remedy: 'Give the command again.' });
  expect(text).toBe('The client was closed.\n  → Give the command again.');
});

test('what the server advises is passed on', () => {
  const frame = { type: 'error', code: 'forbidden', message: 'No.', remedy: 'Ask them.' } as const;
  expect(errorEvent(serverError(frame))[0]).toMatchObject({ code: 'forbidden', remedy: 'Ask them.' });
});
