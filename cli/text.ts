import type { Message } from '#shared/protocol/replies.ts';

/** Text that a terminal may be given. Only `plain` and `say` make it, so that nothing from outside gets there as it came. */
export type PlainText = string & { readonly [madePlain]: true };
declare const madePlain: unique symbol;

/**
 * Characters that a terminal obeys or does not show: controls but tab and line feed, what separates lines, what turns the direction
 * of writing, and what has no width.
 */
const unsafe =
  /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;
/** A family or a flag is joined by such characters. */
const emoji = /^\p{RGI_Emoji}$/v;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * `text` as a terminal may be given it. What another person wrote must not move the cursor, change a title, hide in what is shown or
 * pass for a line of its own: such characters become visible, and further lines are indented. Twice does no more than once.
 */
export function plain(text: string): PlainText {
  const isClean = text.search(unsafe) === -1;
  const shown = isClean
    ? text
    : Array.from(graphemes.segment(text), ({ segment }) => shownAs(segment)).join('');
  return shown.replace(/\n(?! {4})/g, '\n    ') as PlainText;
}

function shownAs(grapheme: string): string {
  return emoji.test(grapheme) ? grapheme : grapheme.replace(unsafe, escapeCharacter);
}

/** A template that makes each of its fields plain, whatever a server has put there. */
export function say(parts: TemplateStringsArray, ...fields: readonly unknown[]): PlainText {
  return String.raw({ raw: parts }, ...fields.map((field) => plain(String(field)))) as PlainText;
}

/** `value` on one line of JSON that a terminal may be given. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    const unit = character.charCodeAt(index).toString(16).padStart(4, '0');
    return `\\u${unit}`;
  }).join('');
}

const indent = '    ';
const tabStop = 8;

/**
 * `text` in rows of `columns` at most. A terminal would go on at the left edge, where a message can put what looks like another one;
 * here each further row is indented.
 */
export function rows(text: PlainText, columns: number): string {
  const width = Math.max(columns, 2 * indent.length);
  return text
    .split('\n')
    .map((line) => wrapped(line, width))
    .join('\n');
}

function wrapped(line: string, width: number): string {
  let shown = '';
  let column = 0;
  const breakRow = () => {
    shown += `\n${indent}`;
    column = indent.length;
  };
  const put = (character: string) => {
    const cells = cellsOf(character);
    if (column + cells > width) breakRow();
    shown += character;
    column += cells;
  };
  for (const part of line.split(/([ \t])/)) {
    const characters = part === '\t' ? ' '.repeat(tabStop - (column % tabStop)) : part;
    const cells = Array.from(characters, cellsOf).reduce((sum, one) => sum + one, 0);
    // A word stays whole where it fits into a row.
    if (column + cells > width && indent.length + cells <= width) breakRow();
    for (const character of characters) put(character);
  }
  return shown;
}

/** Cells of a terminal that a character takes; rather too many, where terminals differ. */
function cellsOf(character: string): number {
  // It makes an emoji of a character that has one cell by itself.
  if (character === '\ufe0f') return 1;
  if (/[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}]/u.test(character)) return 0;
  return /[\u1100-\u115f\u2329\u232a\u2e80-\u{10ffff}\p{Emoji_Presentation}]/u.test(character) ? 2 : 1;
}

/** In the time zone of this machine, to the second. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/** `2026-02-09 18:11:43  #12  bob: Hello` */
export function messageLine({ sentAt, seq, senderId, content }: Message): PlainText {
  return say`${localTime(sentAt)}  #${seq}  ${senderId}: ${content}`;
}

/** The same for those who read several conversations at once: `… bob → alice: Hello` */
export function addressedLine({ sentAt, seq, senderId, recipientId = '?', content }: Message): PlainText {
  return say`${localTime(sentAt)}  #${seq}  ${senderId} → ${recipientId}: ${content}`;
}
