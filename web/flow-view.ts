import type { Flow } from '../localstack/inspector/flow.ts';
import { element, hiddenText } from './dom.ts';
import { diagramOf, type Group, type Lane, type Row } from './flow-rows.ts';
import {
  dollars,
  duration,
  flowTitle,
  laterText,
  serviceName,
  stepTrouble,
  stepUnits,
  tiersText,
  totalsText,
} from './flow-text.ts';

interface Related {
  /** The later looks at what this flow sent. */
  readonly later: readonly Flow[];
  onShow(flow: Flow): void;
}

/**
 * One flow, drawn as a sequence diagram whose arrows are the items of lists: who listens hears what who looks sees, and
 * a narrow screen shows the lists without the lanes.
 */
export function drawFlow(flow: Flow, { later, onShow }: Related): HTMLElement {
  const { lanes, groups } = diagramOf(flow);
  const took = flow.tookMs === undefined ? 'under way …' : duration(flow.tookMs);
  const article = element('article', {}, [
    element('h3', {}, [flowTitle(flow), element('span', { className: 'took', textContent: took })]),
    element('p', {
      className: 'totals',
      textContent: [totalsText(flow), tiersText(flow)].filter(Boolean).join(' · '),
    }),
    drawLanes(lanes),
    element(
      'ol',
      { className: 'groups' },
      groups.map((group) => drawGroup(group, lanes, flow.tookMs)),
    ),
    ...later.map((one) => drawLater(one, flow, onShow)),
  ]);
  article.style.setProperty('--lanes', String(lanes.length));
  return article;
}

/** The names above the lines. A list reader hears them with each arrow. */
function drawLanes(lanes: readonly Lane[]): HTMLElement {
  const names = lanes.map(({ name }) => element('span', { title: name }, breakable(name)));
  const columns = ['', 'ms', 'units', '$/M'].map((textContent) => element('span', { textContent }));
  return element('div', { className: 'heads', ariaHidden: 'true' }, [
    element('div', { className: 'lanes' }, names),
    ...columns,
  ]);
}

/** `DynamoDB` goes into a narrow column as `Dynamo` and `DB`. */
function breakable(name: string): (Node | string)[] {
  const words = name.split(/(?<=[a-z])(?=[A-Z])/);
  return words.flatMap((word, index) => (index === 0 ? [word] : [element('wbr'), word]));
}

function drawGroup({ title, rows }: Group, lanes: readonly Lane[], totalMs: number | undefined): HTMLElement {
  const list = element(
    'ol',
    {},
    rows.map((row) => drawRow(row, lanes, totalMs)),
  );
  if (title === '') return element('li', { className: 'group' }, [list]);
  return element('li', { className: 'group trip' }, [element('h4', { textContent: title }), list]);
}

function drawRow(
  { from, to, label, step }: Row,
  lanes: readonly Lane[],
  totalMs: number | undefined,
): HTMLElement {
  const start = lanes.findIndex(({ id }) => id === from);
  const end = lanes.findIndex(({ id }) => id === to);
  const trouble = step ? stepTrouble(step) : '';
  const target = step ? serviceName(step.service) : (lanes[end]?.name ?? '');
  const arrow = element('span', { className: end < start ? 'arrow back' : 'arrow', ariaHidden: 'true' });
  // Two columns for each lane, so that an arrow goes from line to line.
  arrow.style.gridColumn = `${2 * Math.min(start, end) + 2} / ${2 * Math.max(start, end) + 2}`;
  const text = element('span', { className: 'call' }, [
    element('span', { className: 'target', textContent: `${target}: ` }),
    label,
    ...(trouble === '' ? [] : [element('span', { className: 'trouble', textContent: ` ${trouble}` })]),
  ]);
  text.style.gridColumn = `${2 * Math.min(start, end) + 2} / -1`;
  const item = element('li', {}, [element('div', { className: 'lanes' }, [text, arrow])]);
  if (step) item.append(...measures(step, totalMs));
  return item;
}

function measures(step: NonNullable<Row['step']>, totalMs: number | undefined): HTMLElement[] {
  const { fromMs, tookMs } = step;
  const bar = element('span', { className: 'bar', ariaHidden: 'true' });
  const whole = Math.max(totalMs ?? 0, fromMs + (tookMs ?? 0), 1);
  bar.style.setProperty('--from', `${(100 * fromMs) / whole}%`);
  bar.style.setProperty('--took', `${(100 * (tookMs ?? 0)) / whole}%`);
  const number = (textContent: string) => element('span', { className: 'number', textContent });
  return [
    bar,
    number(tookMs === undefined ? '…' : duration(tookMs)),
    number(stepUnits(step)),
    drawDollars(step),
  ];
}

function drawDollars({ tookMs, dollarsPerMillion }: NonNullable<Row['step']>): HTMLElement {
  const number = element('span', { className: 'number' });
  if (dollarsPerMillion !== undefined)
    number.append(dollars(dollarsPerMillion), hiddenText(' for a million'));
  else if (tookMs !== undefined) {
    number.append('?');
    number.title =
      'The answer does not tell what is charged; a write that was refused costs as much as one that was not.';
  }
  return number;
}

function drawLater(later: Flow, flow: Flow, onShow: (flow: Flow) => void): HTMLElement {
  const button = element('button', { type: 'button', className: 'plain', textContent: 'Show it' });
  button.addEventListener('click', () => onShow(later));
  const words = `${duration(later.at - flow.at)} later, deliver looked again: ${laterText(later)}. `;
  return element('p', { className: 'later' }, [words, button]);
}
