import { isUserId } from '#shared/protocol/user-id.ts';
import { webOutboxStorage } from '../client/outbox-storage.ts';
import { type Device, makeDevice } from './device.ts';
import { type DeviceView, makeDeviceView } from './device-view.ts';
import { part } from './dom.ts';
import { setUpInspector } from './inspector.ts';
import { makeMemory } from './memory.ts';

interface OnPage {
  /** Among those of its user, from 1 on. */
  readonly number: number;
  readonly device: Device;
  readonly view: DeviceView;
}

const socketUrl = `${location.origin.replace(/^http/, 'ws')}/local`;
const grid = part(document, '#devices', HTMLElement);
const addForm = part(document, '#add', HTMLFormElement);
const devices: OnPage[] = [];
const memory = makeMemory(localStorage);

for (const user of usersOfAddress()) add(user);
setUpInspector(part(document, '#inspector', HTMLDetailsElement));
addForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const input = part(addForm, 'input', HTMLInputElement);
  const view = add(input.value.trim());
  addForm.reset();
  rememberUsers();
  view.root.scrollIntoView({ block: 'nearest' });
  part(view.root, 'textarea', HTMLTextAreaElement).focus();
});
addEventListener('online', wakeAll);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') wakeAll();
});

/** `?devices=alice,bob,alice` puts three devices on the page. */
function usersOfAddress(): string[] {
  const named = new URLSearchParams(location.search).get('devices')?.split(',').filter(isUserId) ?? [];
  return named.length > 0 ? named : ['alice', 'bob'];
}

function rememberUsers(): void {
  const address = new URL(location.href);
  address.searchParams.set('devices', devices.map(({ device }) => device.user).join(','));
  history.replaceState(null, '', address);
}

function add(user: string): DeviceView {
  const number = freeNumberOf(user);
  const name = `${user} ${number}`;
  const openKey = `postrider-open ${name}`;
  const device = makeDevice(
    {
      user,
      name,
      url: socketUrl,
      storage: webOutboxStorage(localStorage, `postrider ${name} `),
      memory,
      getToken: () => fetchToken(user),
      // Of this tab, as drafts are: another one may show other people.
      onShow: (peer) => sessionStorage.setItem(openKey, peer),
      onChange: () => view.update(),
      onIncoming: (message) => view.announce(message),
      onProblem: (text) => view.showProblem(text),
    },
    sessionStorage.getItem(openKey) ?? firstPeerOf(user),
  );
  const view = makeDeviceView({
    device,
    label: number === 1 ? '' : `device ${number}`,
    onRemove: () => remove(onPage),
    onActive: () => activate(onPage),
  });
  const onPage = { number, device, view };
  devices.push(onPage);
  grid.append(view.root);
  device.wake();
  return view;
}

/** Of a device that was removed, or a new one: two with the same would share what they keep. */
function freeNumberOf(user: string): number {
  const taken = devices.filter(({ device }) => device.user === user).map(({ number }) => number);
  let number = 1;
  while (taken.includes(number)) number += 1;
  return number;
}

/** Somebody else who is on the page. */
function firstPeerOf(user: string): string {
  return usersOfAddress().find((other) => other !== user) ?? (user === 'alice' ? 'bob' : 'alice');
}

function remove(onPage: OnPage): void {
  onPage.device.close();
  onPage.view.root.remove();
  devices.splice(devices.indexOf(onPage), 1);
  rememberUsers();
  part(addForm, 'input', HTMLInputElement).focus();
}

function activate(active: OnPage): void {
  for (const one of devices) one.view.setActive(one === active);
}

function wakeAll(): void {
  for (const { device } of devices) device.wake();
}

async function fetchToken(user: string): Promise<string> {
  const response = await fetch(`/token?user=${encodeURIComponent(user)}`);
  const text = (await response.text()).trim();
  if (!response.ok) throw new Error(text);
  // The header names the key that signs. It is made with a stack's data: another one has none of what is shown.
  if (memory.turnTo(text.slice(0, text.indexOf('.')))) location.reload();
  return text;
}
