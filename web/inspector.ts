import type { Flow } from '../localstack/inspector/flow.ts';
import { element, part } from './dom.ts';
import { flowSummary, flowTitle } from './flow-text.ts';
import { drawFlow } from './flow-view.ts';

/** Of the newest; older ones are forgotten. */
const mostFlows = 60;
/** Worth turning to by itself: what a person does, not what their devices say in between. */
const stories = new Set(['send', 'reconnect', 'history', 'block', 'unblock']);

/** Puts the inspector to work: while it is open it watches what the local stack does, and otherwise it is silent. */
export function setUpInspector(root: HTMLDetailsElement): void {
  const list = part(root, '.flows', HTMLOListElement);
  const shown = part(root, '.flow', HTMLElement);
  const hint = part(root, '.hint', HTMLElement);
  const follow = part(root, '.follow', HTMLInputElement);
  const flows = new Map<number, Flow>();
  const lines = new Map<number, { readonly item: HTMLLIElement; readonly button: HTMLButtonElement }>();
  let selected: number | undefined;
  let source: EventSource | undefined;
  let isScheduled = false;

  function show(flow: Flow): void {
    selected = flow.id;
    follow.checked = false;
    schedule();
  }

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(draw);
  }

  function draw(): void {
    isScheduled = false;
    hint.hidden = flows.size > 0;
    for (const flow of flows.values()) if (flow.id === selected || !isToldElsewhere(flow)) drawLine(flow);
    const flow = selected === undefined ? undefined : flows.get(selected);
    const isFocused = shown.contains(document.activeElement);
    shown.replaceChildren(...(flow ? [drawFlow(flow, { later: laterOf(flow), onShow: show })] : []));
    if (isFocused) shown.focus();
  }

  function drawLine(flow: Flow): void {
    const line = lines.get(flow.id) ?? addLine(flow);
    const summary = flowSummary(flow);
    const [title, words] = line.button.children;
    if (title && title.textContent !== flowTitle(flow)) title.textContent = flowTitle(flow);
    if (words && words.textContent !== summary) words.textContent = summary;
    line.button.ariaCurrent = flow.id === selected ? 'true' : null;
    line.button.classList.toggle('trouble', flow.outcome === 'failed' || !!flow.answer?.startsWith('error'));
  }

  function addLine(flow: Flow) {
    const parts = [element('span', { className: 'title' }), element('span', { className: 'summary' })];
    const button = element('button', { type: 'button', className: 'plain' }, parts);
    button.addEventListener('click', () => {
      const now = flows.get(flow.id);
      if (now) show(now);
    });
    const line = { item: element('li', {}, [button]), button };
    lines.set(flow.id, line);
    list.prepend(line.item);
    return line;
  }

  /** A later look stands with its send, unless that one was before the inspector was opened. */
  function isToldElsewhere({ functionName, messageIds }: Flow): boolean {
    if (functionName !== 'deliver') return false;
    return [...flows.values()].some(
      (one) => one.functionName !== 'deliver' && isAnyOf(messageIds, one.messageIds),
    );
  }

  /** The later looks at the messages that `flow` sent. */
  function laterOf({ id, messageIds, functionName }: Flow): Flow[] {
    if (functionName === 'deliver') return [];
    return [...flows.values()].filter(
      (one) => one.id !== id && one.functionName === 'deliver' && isAnyOf(one.messageIds, messageIds),
    );
  }

  function take(flow: Flow): void {
    const isNew = !flows.has(flow.id);
    flows.set(flow.id, flow);
    if (isNew && follow.checked && (selected === undefined || stories.has(flow.routeKey ?? '')))
      selected = flow.id;
    for (const id of flows.keys()) {
      if (flows.size <= mostFlows) break;
      if (id !== selected) forget(id);
    }
    schedule();
  }

  function forget(id: number): void {
    flows.delete(id);
    lines.get(id)?.item.remove();
    lines.delete(id);
  }

  function watch(): void {
    source = new EventSource('/inspect');
    // A stack that was started anew counts from one again.
    source.addEventListener('open', () => {
      for (const id of [...flows.keys()]) forget(id);
      selected = undefined;
      schedule();
    });
    source.addEventListener('message', ({ data }) => take(JSON.parse(data) as Flow));
  }

  root.addEventListener('toggle', () => {
    document.body.classList.toggle('inspecting', root.open);
    source?.close();
    source = undefined;
    if (root.open) watch();
  });
  follow.addEventListener('change', () => {
    const latest = [...flows.values()].findLast(({ routeKey }) => stories.has(routeKey ?? ''));
    if (follow.checked && latest) selected = latest.id;
    schedule();
  });
}

function isAnyOf(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.includes(one));
}
