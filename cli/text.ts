import type { Message } from '#shared/protocol/replies.ts';

/** Control characters but tab and line feed, and those that turn the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be found.
const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * `text` as a terminal may be given it. What another person wrote must not move the cursor, change a title or pass for a line
 * of its own: escapes become visible, and further lines are indented.
 */
export function plain(text: string): string {
  return text.replace(unsafe, escapeCharacter).replaceAll('\n', '\n    ');
}

/** `value` on one line of JSON that a terminal may be given. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** In the time zone of this machine, to the second. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/** `2026-02-09 18:11:43  #12  bob: Hello` */
export function messageLine({ sentAt, seq, senderId, content }: Message): string {
  return `${localTime(sentAt)}  #${seq}  ${senderId}: ${plain(content)}`;
}

/** The same for those who read several conversations at once: `… bob → alice: Hello` */
export function addressedLine({ sentAt, seq, senderId, recipientId = '?', content }: Message): string {
  return `${localTime(sentAt)}  #${seq}  ${senderId} → ${recipientId}: ${plain(content)}`;
}
