import type { Message } from '#shared/protocol/replies.ts';

export interface PersonView {
  readonly element: Element;
  showStatus(text: string): void;
  showMessage(message: Message): void;
  showProblem(text: string): void;
}

/** One person's side of the page. `onSend` is called with what they wrote. */
export function makePersonView(user: string, other: string, onSend: (content: string) => void): PersonView {
  const template = part(document, '#person', HTMLTemplateElement);
  const element = part(template.content, '.person', HTMLElement).cloneNode(true);
  if (!(element instanceof HTMLElement)) throw new Error('The template holds no element.');
  const log = part(element, '.messages', HTMLElement);
  const list = part(log, 'ol', HTMLOListElement);
  const form = part(element, 'form', HTMLFormElement);
  const input = part(element, 'textarea', HTMLTextAreaElement);
  const problem = part(element, '.problem', HTMLElement);

  part(element, '.name', HTMLElement).textContent = user;
  element.setAttribute('aria-label', user);
  log.setAttribute('aria-label', `Messages as ${user} sees them`);
  // What scrolls must be within reach of the keyboard.
  log.tabIndex = 0;
  part(form, 'label span', HTMLElement).textContent = `Message from ${user} to ${other}`;
  input.placeholder = `Write to ${other}`;

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    problem.hidden = true;
    onSend(input.value);
    input.value = '';
  });
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });

  return {
    element,
    showStatus(text) {
      part(element, '.status', HTMLElement).textContent = text;
    },
    showMessage(message) {
      insertInOrder(list, message, user);
      log.scrollTop = log.scrollHeight;
    },
    showProblem(text) {
      problem.textContent = text;
      problem.hidden = false;
    },
  };
}

function insertInOrder(list: HTMLOListElement, message: Message, user: string): void {
  const items = [...list.children].filter((item) => item instanceof HTMLElement);
  if (items.some((item) => item.dataset.messageId === message.messageId)) return;
  const item = document.createElement('li');
  item.dataset.messageId = message.messageId;
  item.dataset.seq = String(message.seq);
  item.classList.toggle('own', message.senderId === user);
  const time = document.createElement('time');
  time.dateTime = message.sentAt;
  time.textContent = new Date(message.sentAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  item.append(message.content, time);
  list.insertBefore(item, items.find((one) => Number(one.dataset.seq) > message.seq) ?? null);
}

function part<Kind extends Element>(root: ParentNode, selector: string, kind: new () => Kind): Kind {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return found;
}
