import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { errorEvent, makeOutput } from '../../cli/output.ts';
import { plain } from '../../cli/text.ts';
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

/** What is printed by `print` where the output has these columns, and the environment says so. */
async function printed(
  print: (output: ReturnType<typeof makeOutput>) => Promise<void>,
  { columns, env = {}, isTTY = false }: { columns?: number; env?: Record<string, string>; isTTY?: boolean },
) {
  const stdout = Object.assign(new PassThrough(), columns === undefined ? {} : { columns });
  const stderr = Object.assign(new PassThrough(), { isTTY });
  await print(makeOutput({ stdout, stderr, env }, false));
  return String(stdout.read() ?? '') + String(stderr.read() ?? '');
}

const long = plain('x'.repeat(100));

test('results are broken into rows: of the terminal, as COLUMNS says, or of 80 columns', async () => {
  const result = (output: ReturnType<typeof makeOutput>) => output.result({ type: 'message' }, long);

  expect(await printed(result, { columns: 50 })).toBe(`${'x'.repeat(50)}\n    ${'x'.repeat(46)}\n    xxxx\n`);
  expect(await printed(result, { env: { COLUMNS: '90' } })).toBe(
    `${'x'.repeat(90)}\n    ${'x'.repeat(10)}\n`,
  );
  for (const env of [{}, { COLUMNS: 'wide' }])
    expect(await printed(result, { env })).toBe(`${'x'.repeat(80)}\n    ${'x'.repeat(20)}\n`);
});

test('so are notes on a terminal, but no word that another program takes over', async () => {
  const note = (output: ReturnType<typeof makeOutput>) => output.note({ type: 'note' }, long);
  const word = (output: ReturnType<typeof makeOutput>) => output.word({ type: 'token' }, long);

  expect(await printed(note, { columns: 90, isTTY: true })).toBe(
    `${'x'.repeat(90)}\n    ${'x'.repeat(10)}\n`,
  );
  expect(await printed(note, { columns: 90 })).toBe(`${long}\n`);
  expect(await printed(word, { columns: 90, isTTY: true })).toBe(`${long}\n`);
});
