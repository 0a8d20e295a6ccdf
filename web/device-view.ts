import type { Message } from '#shared/protocol/replies.ts';
import type { Conversation } from './conversation.ts';
import type { Device } from './device.ts';
import { element, fromTemplate, hiddenText, part, visibleText } from './dom.ts';
import { explainQueue, explainState, noConnection } from './explain.ts';
import { makeMessageList } from './message-list.ts';

export interface DeviceView {
  readonly root: HTMLElement;
  update(): void;
  announce(message: Message): void;
  showProblem(text: string): void;
  /** Whether the person is at this device. */
  setActive(active: boolean): void;
}

interface DeviceViewOptions {
  readonly device: Device;
  /** `device 2`, where a person has several; otherwise empty. */
  readonly label: string;
  onRemove(): void;
  /** The person has turned to this device. */
  onActive(): void;
}

const announceMs = 3_000;

/** One device on the page. */
export function makeDeviceView({ device, label, onRemove, onActive }: DeviceViewOptions): DeviceView {
  const root = fromTemplate('device');
  const title = label === '' ? device.user : `${device.user}, ${label}`;
  const problem = part(root, '.problem', HTMLElement);
  const announcer = part(root, '.announcer', HTMLElement);
  const messages = part(root, '.messages', HTMLElement);
  const blockButton = part(root, '.block', HTMLButtonElement);
  let isActive = false;
  let isScheduled = false;

  const updateList = makeMessageList({
    root: messages,
    device,
    onRetry: (key) => void device.retry(key).catch(showError),
    onDiscard: device.discard,
  });
  const updateComposer = setUpComposer(root, device, showProblem);
  // The field changes hands at once: what is typed before the next frame is for whom it shows.
  const show = (peer: string) => {
    device.show(peer);
    updateComposer();
  };
  const updateTabs = setUpConversations(root, device, show);
  root.setAttribute('aria-label', title);
  part(root, '.name', HTMLElement).replaceChildren(
    device.user,
    ...(label === '' ? [] : [deviceLabel(label)]),
  );
  part(root, 'nav', HTMLElement).setAttribute('aria-label', `Conversations of ${title}`);
  messages.setAttribute('aria-label', `Messages of ${title}`);
  // What scrolls must be within reach of the keyboard.
  messages.tabIndex = 0;

  const offline = part(root, '.offline', HTMLInputElement);
  offline.addEventListener('change', () => device.setOffline(offline.checked));
  const remove = part(root, '.remove', HTMLButtonElement);
  remove.setAttribute('aria-label', `Remove ${title}`);
  remove.addEventListener('click', onRemove);
  blockButton.addEventListener('click', () => {
    // A block that waited would overtake the messages that wait, and have them refused.
    if (isConnected()) void device.setBlocked(!device.open().isBlocked);
    else showProblem(noConnection);
  });
  root.addEventListener('focusin', onActive);
  root.addEventListener('pointerdown', onActive);

  function isConnected(): boolean {
    return device.lastChange().state === 'connected';
  }

  function showError(error: unknown): void {
    showProblem(error instanceof Error ? error.message : String(error));
  }

  function showProblem(text: string): void {
    problem.textContent = text;
    problem.hidden = text === '';
  }

  function draw(): void {
    isScheduled = false;
    const conversation = device.open();
    const change = device.lastChange();
    const waiting = explainQueue(device.queued().length);
    const status = part(root, '.status', HTMLElement);
    const text = [explainState(change), waiting].filter(Boolean).join(' · ');
    // A live region that is set to what it says already may be read again.
    if (status.textContent !== text) status.textContent = text;
    root.dataset.state = change.state;
    blockButton.textContent = conversation.isBlocked
      ? `Unblock ${conversation.peer}`
      : `Block ${conversation.peer}`;
    // Not by `disabled`, which would take the focus and the explanation away.
    blockButton.ariaDisabled = String(!isConnected());
    blockButton.title = isConnected() ? '' : noConnection;
    if (isConnected() && problem.textContent === noConnection) showProblem('');
    updateTabs();
    updateComposer();
    updateList();
    if (isActive && document.visibilityState === 'visible') void device.markRead();
  }

  return {
    root,
    update() {
      if (isScheduled) return;
      isScheduled = true;
      requestAnimationFrame(draw);
    },
    announce({ senderId, content }) {
      const line = element('p', { textContent: `${senderId}: ${visibleText(content)}` });
      announcer.append(line);
      // Long enough to be read out; who looks for messages finds them in the list.
      setTimeout(() => line.remove(), announceMs);
    },
    showProblem,
    setActive(active) {
      isActive = active;
      root.classList.toggle('active', active);
      if (active) void device.markRead();
    },
  };
}

function deviceLabel(label: string): HTMLElement {
  return element('span', { className: 'label', textContent: label });
}

function setUpComposer(root: HTMLElement, device: Device, showProblem: (text: string) => void): () => void {
  const form = part(root, '.composer', HTMLFormElement);
  const input = part(form, 'textarea', HTMLTextAreaElement);
  const name = part(form, 'label span', HTMLElement);
  let peer = '';
  /** Where what is not sent yet outlasts a reload. */
  const draftKey = () => `postrider-draft ${root.ariaLabel} to ${peer}`;

  function write(text: string): void {
    input.value = text;
    keepDraft();
  }

  function keepDraft(): void {
    sessionStorage.setItem(draftKey(), input.value);
  }

  async function submit(): Promise<void> {
    const content = input.value;
    if (content.trim() === '') return;
    showProblem('');
    write('');
    try {
      await device.send(content);
    } catch (error) {
      if (input.value === '') write(content);
      showProblem(error instanceof Error ? error.message : String(error));
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  input.addEventListener('input', keepDraft);
  input.addEventListener('keydown', (event) => {
    // While a word is being composed, Enter ends the composition.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });

  return () => {
    const next = device.open().peer;
    if (next === peer) return;
    peer = next;
    input.value = sessionStorage.getItem(draftKey()) ?? '';
    input.placeholder = `Write to ${peer}`;
    name.textContent = `Message from ${device.user} to ${peer}`;
  };
}

function setUpConversations(root: HTMLElement, device: Device, show: (peer: string) => void): () => void {
  const tabs = part(root, '.tabs', HTMLElement);
  const start = part(root, '.start', HTMLDetailsElement);
  const form = part(start, 'form', HTMLFormElement);
  const input = part(form, 'input', HTMLInputElement);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const peer = input.value.trim();
    if (peer === device.user) {
      input.setCustomValidity('Name somebody else.');
      input.reportValidity();
      return;
    }
    show(peer);
    form.reset();
    start.open = false;
    part(root, 'textarea', HTMLTextAreaElement).focus();
  });
  input.addEventListener('input', () => input.setCustomValidity(''));
  const drawn = new Map<string, Tab>();

  return () => {
    for (const [peer, conversation] of device.conversations) {
      const tab = drawn.get(peer) ?? addTab(peer);
      drawn.set(peer, tab);
      tab.update(conversation, conversation === device.open());
    }
  };

  function addTab(peer: string): Tab {
    const tab = makeTab(peer, () => show(peer));
    tabs.append(tab.root);
    return tab;
  }
}

interface Tab {
  readonly root: HTMLElement;
  update(conversation: Conversation, isOpen: boolean): void;
}

/** Changed in place: one that was replaced between the press and its release would not be clicked. */
function makeTab(peer: string, onClick: () => void): Tab {
  const badge = element('span', { className: 'badge' });
  const words = hiddenText('');
  const name = element('span', { className: 'peer', textContent: peer });
  const button = element('button', { type: 'button' }, [name, badge, words]);
  button.addEventListener('click', onClick);
  return {
    root: element('li', {}, [button]),
    update({ unread }, isOpen) {
      button.ariaCurrent = isOpen ? 'true' : null;
      badge.hidden = unread === 0;
      badge.textContent = unread === 0 ? '' : String(unread);
      words.textContent = unread === 0 ? '' : ` unread ${unread === 1 ? 'message' : 'messages'}`;
    },
  };
}
