import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openScreen } from '../../cli/screen.ts';
import { eventually } from './support/terminal.ts';

function openTerminal(columns = 40) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode() {} });
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns });
  let written = '';
  stdout.on('data', (chunk) => {
    written += String(chunk);
  });
  const lines: string[] = [];
  const io = { stdin, stdout, stderr: new PassThrough(), env: {}, interrupted: new AbortController().signal };
  const screen = openScreen(io, (line) => lines.push(line));
  return { stdin, screen, lines, written: () => written, shown: () => rendered(written, columns || 80) };
}

/** What a terminal of that width shows: of the escapes, those that the screen uses. */
function rendered(text: string, columns: number): string[] {
  const rows: string[][] = [[]];
  let [row, column] = [0, 0];
  const put = (character: string) => {
    if (column === columns) [row, column] = [row + 1, 0];
    const cells = rows[row] ?? [];
    rows[row] = cells;
    while (cells.length < column) cells.push(' ');
    cells[column] = character;
    column += 1;
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what is looked for.
  for (const [token, count, kind] of text.matchAll(/\u001b\[(\d*)([A-Z])|\p{Any}/gu)) {
    if (kind === 'A') row = Math.max(0, row - Number(count || 1));
    else if (kind === 'G') column = Number(count || 1) - 1;
    else if (kind === 'C') column += Number(count || 1);
    else if (kind === 'J') rows.splice(row, rows.length, (rows[row] ?? []).slice(0, column));
    else if (kind !== undefined) throw new Error(`an escape that is not known: ${JSON.stringify(token)}`);
    else if (token === '\r') column = 0;
    else if (token === '\n') row += 1;
    else put(token);
    rows[row] ??= [];
  }
  return rows.map((cells) => cells.join('').trimEnd());
}

test('a line that comes while somebody types stands above what is typed', async () => {
  const { stdin, screen, shown } = openTerminal();
  screen.setPrompt('alice> ');
  stdin.write('half a sen');
  await eventually(() => expect(shown().at(-1)).toBe('alice> half a sen'));
  screen.print('bob: hello');
  expect(shown()).toEqual(['bob: hello', 'alice> half a sen']);
  screen.close();
});

test('so it does where what is typed fills several rows', async () => {
  const { stdin, screen, shown } = openTerminal();
  screen.setPrompt('alice> ');
  stdin.write('x'.repeat(70));
  await eventually(() => expect(shown().join('')).toContain('x'.repeat(70)));
  screen.print('bob: hello');
  expect(shown()).toEqual(['bob: hello', `alice> ${'x'.repeat(33)}`, 'x'.repeat(37)]);
  screen.close();
});

test('a line that is entered disappears, to be printed when it is committed', async () => {
  const { stdin, screen, lines, shown } = openTerminal();
  screen.setPrompt('alice> ');
  screen.print('bob: hello');
  stdin.write(`${'y'.repeat(50)}\r`);
  await eventually(() => expect(lines).toEqual(['y'.repeat(50)]));
  screen.print('alice: yyy');
  expect(shown().map((row) => row.trim())).toEqual(['bob: hello', 'alice: yyy', 'alice>']);
  screen.close();
});

test('a terminal that does not know its size is taken for one of 80 columns', async () => {
  const { stdin, screen, lines, shown } = openTerminal(0);
  screen.setPrompt('alice> ');
  stdin.write('hello\r');
  await eventually(() => expect(lines).toEqual(['hello']));
  screen.print('alice: hello');
  expect(shown()).toEqual(['alice: hello', 'alice>']);
  screen.close();
});

test.for([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
])('%s ends it', async ([, key]) => {
  const { stdin, screen } = openTerminal();
  stdin.write(key ?? '');
  await screen.ended;
  screen.close();
});
