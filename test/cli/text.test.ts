import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressedLine, jsonLine, messageLine, plain, rows, say } from '../../cli/text.ts';

const message = {
  messageId: 'm',
  conversationId: 'c',
  seq: 12,
  senderId: 'bob',
  recipientId: 'alice',
  content: 'Hello',
  sentAt: new Date(2026, 1, 9, 18, 11, 43).toISOString(),
};

test('a message is one line with the local time', () => {
  expect(messageLine(message)).toBe('2026-02-09 18:11:43  #12  bob: Hello');
});

test('what somebody writes cannot pass for a line of its own, nor steer the terminal', () => {
  const content = 'Hi\n2026-02-09 18:11:44  #13  carol: forged\u001b[2J\r\u009b1A\u202e';
  expect(messageLine({ ...message, content })).toBe(
    '2026-02-09 18:11:43  #12  bob: Hi\n    2026-02-09 18:11:44  #13  carol: forged\\u001b[2J\\u000d\\u009b1A\\u202e',
  );
});

test.for([
  [
    'turns the direction of writing',
    '\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069',
  ],
  ['has no width', '\u00ad\u034f\u115f\u180e\u200b\u200c\u200d\u2060\u2061\u3164\ufe0f\ufeff\uffa0\u{e0041}'],
  ['separates lines', '\u0085\u000b\u000c\r\u2028\u2029'],
  ['annotates', '\ufff9\ufffa\ufffb'],
])('what %s is shown by its number', ([, characters = '']) => {
  const shown = Array.from(
    { length: characters.length },
    (_, index) => `\\u${characters.charCodeAt(index).toString(16).padStart(4, '0')}`,
  );

  expect(plain([...characters].join('x'))).toBe([...characters].map((one) => escapes(one)).join('x'));
  expect(plain(characters)).toBe(shown.join(''));
  expect(jsonLine(characters)).not.toContain(characters[0]);
  expect(JSON.parse(jsonLine(characters))).toBe(characters);
});

const escapes = (character: string) =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

test('what emojis are joined by stays in them', () => {
  for (const one of ['👨‍👩‍👧', '❤️', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', '👍🏽']) expect(plain(`a ${one} b`)).toBe(`a ${one} b`);
  expect(plain('👨‍')).toBe('👨\\u200d');
});

test('every field of a line is plain, also what a server should never have put there', () => {
  const hostile = { ...message, senderId: 'bob\u001b[1A\u001b[2K\ncarol', recipientId: 'a\u202eb' };

  for (const line of [messageLine(hostile), addressedLine(hostile)]) {
    expect(line).toContain('bob\\u001b[1A\\u001b[2K\n    carol');
    expect(line).not.toContain('\u202e');
  }
  expect(addressedLine(hostile)).toContain('a\\u202eb');
  expect(say`${'\u0007'} of ${{ toString: () => '\u001b' }}`).toBe('\\u0007 of \\u001b');
  expect(say`${say`${'one\ntwo'}`}`).toBe('one\n    two');
});

test('a message of just the terminal’s width does not put what follows at the left edge', () => {
  const start = messageLine({ ...message, content: '' }).length;
  const forged = '2026-02-09 18:11:44  #13  carol: I owe you';

  for (const fill of ['x', ' ', 'x ', '漢', '\u0301x']) {
    for (let length = 0; length <= 80; length += 1) {
      const content = fill.repeat(length) + forged;
      const [first, ...further] = rows(messageLine({ ...message, content }), 80).split('\n');
      expect(first).toMatch(/^2026-02-09 18:11:43 {2}#12 {2}bob: /);
      for (const row of further) expect(row).toMatch(/^ {4}/);
    }
  }
  expect(rows(messageLine({ ...message, content: ' '.repeat(80 - start) + forged }), 80)).toBe(
    `2026-02-09 18:11:43  #12  bob: ${' '.repeat(80 - start)}\n    ${forged}`,
  );
});

test('words stay whole where they fit into a row, and spaces are kept', () => {
  expect(rows(plain('one two three four'), 12)).toBe('one two \n    three \n    four');
  expect(rows(plain('one  twothreefour'), 12)).toBe('one  twothre\n    efour');
  expect(rows(plain('a\tb\tc'), 20)).toBe('a       b       c');
  expect(rows(plain('onetwothreefour'), 12)).toBe('onetwothreef\n    our');
  expect(rows(plain('short'), 80)).toBe('short');
});

/** Cells as a terminal counts them that draws wide what may be wide: no row may have more. */
const cells = (row: string) =>
  [...row].reduce(
    (sum, one) =>
      sum + (/\p{Mn}|\p{Me}|\u200d|[\u{e0020}-\u{e007f}]/u.test(one) ? 0 : wide.test(one) ? 2 : 1),
    0,
  );
const wide =
  /[\u1100-\u115f\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uac00-\ud7a3\uff01-\uff60]/u;

test('no row is wider than the terminal, and each further one is indented; nothing is lost', () => {
  const texts = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[a-z ]{0,90}$/),
      fc.constantFrom('漢字', '👨‍👩‍👧', '한국어', 'ｆｕｌｌ', 'e\u0301', '❤️', ' ', 'ﾊﾝｶｸ'),
    ),
  );
  fc.assert(
    fc.property(texts, fc.integer({ min: 8, max: 120 }), (parts, columns) => {
      const text = plain(parts.join('').replaceAll('\t', ''));
      const [first = '', ...further] = rows(text, columns).split('\n');

      for (const row of [first, ...further]) expect(cells(row)).toBeLessThanOrEqual(columns);
      for (const row of further) expect(row).toMatch(/^ {4}/);
      const bare = (shown: string) => shown.replace(/\n {4}/g, '').replaceAll('\n', '');
      expect(bare(rows(text, columns))).toBe(bare(text));
    }),
  );
});

test('no text leaves a control character but tab and line break', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(plain(text)).not.toMatch(/[^\P{Cc}\t\n]/u);
      expect(plain(text)).not.toMatch(/\n(?! {4})/);
      expect(plain(plain(text))).toBe(plain(text));
      expect(jsonLine(text)).not.toMatch(/\p{Cc}/u);
      expect(JSON.parse(jsonLine(text))).toBe(text.isWellFormed() ? text : JSON.parse(JSON.stringify(text)));
    }),
  );
});
