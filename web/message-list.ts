import type { Conversation, Progress } from './conversation.ts';
import { progressOf, shownMessages } from './conversation.ts';
import type { Device } from './device.ts';
import { element, hiddenText, part, visibleText } from './dom.ts';

/** One line of the list: a message, or one that is not sent yet. */
interface Line {
  readonly key: string;
  readonly isOwn: boolean;
  readonly content: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of one's own only. */
  readonly progress?: Progress;
  /** Why it was refused. */
  readonly reason?: string;
}

interface MessageListOptions {
  readonly root: HTMLElement;
  readonly device: Device;
  onRetry(key: string): void;
  onDiscard(key: string): void;
}

const marks: Readonly<Record<Progress, { readonly sign: string; readonly words: string }>> = {
  waiting: { sign: '◷', words: 'Waiting to be sent' },
  sent: { sign: '✓', words: 'Sent' },
  delivered: { sign: '✓✓', words: 'Delivered' },
  read: { sign: '✓✓', words: 'Read' },
  failed: { sign: '!', words: 'Not sent' },
};

/** Within so many pixels of its end the list follows what comes. */
const nearEnd = 80;

/** Keeps the list as the device says, and the reader where they were. The returned function brings it up to date. */
export function makeMessageList({ root, device, onRetry, onDiscard }: MessageListOptions): () => void {
  const list = part(root, 'ol', HTMLOListElement);
  const earlier = part(root, '.earlier', HTMLButtonElement);
  const empty = part(root, '.empty', HTMLElement);
  const newest = part(root.parentElement ?? root, '.newest', HTMLButtonElement);
  let shownPeer = '';
  let isAtEnd = true;
  /** The scrollTop of the end, as the reader has seen it. */
  let seenEnd = 0;
  let lines = new Map<string, { readonly item: HTMLLIElement; readonly line: Line }>();

  function update(): void {
    const conversation = device.open();
    const isOther = conversation.peer !== shownPeer;
    shownPeer = conversation.peer;
    if (isOther) {
      list.replaceChildren();
      lines = new Map();
      isAtEnd = true;
      seenEnd = Number.NaN;
      newest.hidden = true;
    }
    const heightBelow = root.scrollHeight - root.scrollTop;
    const oldLast = [...lines.keys()].at(-1);

    const wanted = linesOf(conversation, device);
    const isPrepended = lines.size > 0 && wanted[0] !== undefined && !lines.has(wanted[0].key);
    place(wanted);
    earlier.hidden = !conversation.hasEarlier;
    empty.hidden = wanted.length > 0 || conversation.hasEarlier;
    empty.textContent = emptyText(conversation.peer);

    if (!isAtEnd) {
      if (isPrepended) root.scrollTop = root.scrollHeight - heightBelow;
      if (wanted.at(-1)?.key !== oldLast) newest.hidden = false;
    }
    settle();
  }

  const end = () => root.scrollHeight - root.clientHeight;

  /** Takes the layout as it is now, with the reader still at the end if they were. */
  function settle(): void {
    const before = seenEnd;
    seenEnd = end();
    // A tick moves no end: whoever has just begun to scroll back is not pulled down by it.
    if (isAtEnd && seenEnd !== before) root.scrollTop = seenEnd;
  }

  function place(wanted: readonly Line[]): void {
    const placed = new Map<string, { readonly item: HTMLLIElement; readonly line: Line }>();
    let after: Element | null = null;
    for (const line of wanted) {
      const old = lines.get(line.key);
      const isSame = old && old.line.progress === line.progress && old.line.reason === line.reason;
      const item = isSame ? old.item : makeItem(line, onRetry, onDiscard);
      if (old && !isSame) old.item.replaceWith(item);
      const expected: Element | null = after ? after.nextElementSibling : list.firstElementChild;
      if (expected !== item) list.insertBefore(item, expected);
      placed.set(line.key, { item, line });
      after = item;
    }
    for (const [key, { item }] of lines) if (!placed.has(key)) item.remove();
    lines = placed;
  }

  newest.addEventListener('click', () => {
    root.scrollTop = root.scrollHeight;
    root.focus();
  });
  root.addEventListener('scroll', () => {
    // A scroll may be told when the layout is new already: who was at the end before has not left it by that.
    isAtEnd = root.scrollTop > Math.min(seenEnd, end()) - nearEnd;
    if (isAtEnd) newest.hidden = true;
  });
  // Less room, as when the inspector opens, must not hide what the reader was at.
  const resized = new ResizeObserver(settle);
  resized.observe(root);
  resized.observe(list);
  earlier.addEventListener('click', () => void device.loadEarlier());
  new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting) void device.loadEarlier();
    },
    { root },
  ).observe(earlier);
  return update;
}

const emptyText = (peer: string) =>
  `No messages with ${peer} yet. Write the first one below and press Enter: it appears on every device of ${peer}. ` +
  'One that is offline gets it when it is back.';

/** Messages in their order, then what waits, in the order in which it will be sent, then what was refused. */
function linesOf(conversation: Conversation, device: Device): Line[] {
  const messages = shownMessages(conversation).map((message): Line => {
    const isOwn = message.senderId === device.user;
    return {
      // The same key as while it waited: it stays where it is.
      key: (isOwn && message.clientMessageId) || message.messageId,
      isOwn,
      content: message.content,
      at: Date.parse(message.sentAt),
      ...(isOwn && { progress: progressOf(conversation, message) }),
    };
  });
  const keys = new Set(messages.map(({ key }) => key));
  const waiting = device
    .queued()
    .filter(
      ({ recipientId, clientMessageId }) => recipientId === conversation.peer && !keys.has(clientMessageId),
    )
    .map(
      ({ clientMessageId, content, queuedAt }): Line => ({
        key: clientMessageId,
        isOwn: true,
        content,
        at: queuedAt,
        progress: 'waiting',
      }),
    );
  // What is tried again waits.
  for (const { key } of waiting) keys.add(key);
  const failed = [...conversation.failed.values()]
    .filter(({ send }) => !keys.has(send.clientMessageId))
    .map(
      ({ send, reason }): Line => ({
        key: send.clientMessageId,
        isOwn: true,
        content: send.content,
        at: send.queuedAt,
        progress: 'failed',
        reason,
      }),
    );
  return [...messages, ...waiting, ...failed];
}

function makeItem(
  { key, isOwn, content, at, progress, reason }: Line,
  onRetry: (key: string) => void,
  onDiscard: (key: string) => void,
): HTMLLIElement {
  const date = new Date(at);
  const time = element('time', {
    dateTime: date.toISOString(),
    title: date.toLocaleString(),
    textContent: date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
  });
  const foot = element('span', { className: 'foot' }, [time]);
  if (progress !== undefined) foot.append(makeMark(progress));
  // Of its own direction, so that what turns the writing ends with it.
  const text = element('span', { className: 'text', dir: 'auto', textContent: visibleText(content) });
  const item = element('li', { className: `${isOwn ? 'own' : 'other'} ${progress ?? ''}` }, [text, foot]);
  if (progress === 'failed')
    item.append(
      element('span', { className: 'reason', textContent: reason ?? '' }),
      element('span', { className: 'choices' }, [
        button('Try again', () => onRetry(key)),
        button('Delete', () => onDiscard(key)),
      ]),
    );
  return item;
}

function makeMark(progress: Progress): HTMLElement {
  const { sign, words } = marks[progress];
  const visible = element('span', { textContent: sign, ariaHidden: 'true' });
  return element('span', { className: 'mark', title: words }, [visible, hiddenText(words)]);
}

function button(text: string, onClick: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', className: 'choice', textContent: text });
  made.addEventListener('click', onClick);
  return made;
}
