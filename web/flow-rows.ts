import type { Flow, Step } from '../localstack/inspector/flow.ts';
import { bytes, duration, serviceName, stepLabel } from './flow-text.ts';

/** Somebody or something that a flow passes through. */
export interface Lane {
  readonly id: string;
  readonly name: string;
}

/** An arrow from one lane to another. */
export interface Row {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** A call of the function; undefined for what comes in and goes out. */
  readonly step?: Step;
}

/** Rows that belong together. */
export interface Group {
  /** Empty for what comes in and goes out. */
  readonly title: string;
  readonly rows: readonly Row[];
}

const order = ['client', 'gateway', 'function', 'dynamodb', 'sqs', 'kms', 'events', 'cache', 'others'];

/** The flow as a sequence diagram: who takes part, from left to right, and what passes between them, from top to bottom. */
export function diagramOf(flow: Flow): {
  readonly lanes: readonly Lane[];
  readonly groups: readonly Group[];
} {
  const groups = [incoming(flow), ...tripsOf(flow), outgoing(flow)].filter(({ rows }) => rows.length > 0);
  const ids = new Set(groups.flatMap(({ rows }) => rows.flatMap(({ from, to }) => [from, to])));
  const lanes = order.filter((id) => ids.has(id)).map((id) => ({ id, name: laneName(id, flow) }));
  return { lanes, groups };
}

function laneName(id: string, flow: Flow): string {
  if (id === 'client') return flow.functionName === 'deliver' ? 'Queue' : (flow.userId ?? 'Client');
  if (id === 'gateway') return 'Gateway';
  if (id === 'function') return `λ ${flow.functionName}`;
  return id === 'others' ? recipientsOf(flow).join(', ') : serviceName(id);
}

function recipientsOf({ steps, userId }: Flow): string[] {
  const posts = steps.filter(({ service }) => service === 'connections').map(recipientOf);
  return [...new Set(posts)].filter((name) => name !== userId);
}

/** The end of `message.new to bob`. */
function recipientOf({ about }: Step): string {
  return about.slice(about.lastIndexOf(' to ') + ' to '.length);
}

function incoming(flow: Flow): Group {
  if (flow.functionName === 'deliver')
    return {
      title: '',
      rows: [{ from: 'client', to: 'function', label: 'a reference, 10 s after its send' }],
    };
  const frame = flow.requestBytes > 0 ? `${flow.routeKey}, ${bytes(flow.requestBytes)}` : 'handshake';
  return {
    title: '',
    rows: [
      { from: 'client', to: 'gateway', label: frame },
      { from: 'gateway', to: 'function', label: flow.coldStart ? 'cold start' : 'invoked' },
    ],
  };
}

function outgoing(flow: Flow): Group {
  if (flow.answer === undefined) return { title: '', rows: [] };
  const label = `${flow.answer}, ${bytes(flow.answerBytes)}`;
  return {
    title: '',
    rows: [
      { from: 'function', to: 'gateway', label: 'returned' },
      { from: 'gateway', to: 'client', label },
    ],
  };
}

/** The calls by round trips, in the order of time; what the cache is asked before the database is a trip of its own. */
function tripsOf(flow: Flow): Group[] {
  const trips = Map.groupBy(
    flow.steps.filter(({ roundTrip }) => roundTrip !== undefined),
    ({ roundTrip }) => roundTrip,
  );
  const groups = [...trips].map(([trip, steps]) => ({ title: `Round trip ${trip}`, steps }));
  for (const step of flow.steps.filter(({ roundTrip }) => roundTrip === undefined)) {
    // What the cache is given goes beside the pushes; what it is asked decides what the database is asked.
    const beside =
      step.found === undefined ? groups.findLast(({ steps }) => endOf(steps) >= step.fromMs) : undefined;
    if (beside) beside.steps.push(step);
    else groups.push({ title: 'Cache', steps: [step] });
  }
  return groups
    .sort((one, other) => startOf(one.steps) - startOf(other.steps))
    .map(({ title, steps }) => ({
      title: titleOf(title, steps),
      rows: steps.map((step) => rowOf(step, flow)),
    }));
}

function titleOf(title: string, steps: readonly Step[]): string {
  const calls = steps.length === 1 ? '' : ` · ${steps.length} calls side by side`;
  return `${title}${calls} · ${duration(endOf(steps) - startOf(steps))}`;
}

function rowOf(step: Step, { userId }: Flow): Row {
  const isPost = step.service === 'connections';
  const to = !isPost ? step.service : recipientOf(step) === userId ? 'client' : 'others';
  return { from: 'function', to, label: stepLabel(step), step };
}

const startOf = (steps: readonly Step[]): number => Math.min(...steps.map(({ fromMs }) => fromMs));
const endOf = (steps: readonly Step[]): number =>
  Math.max(...steps.map(({ fromMs, tookMs = 0 }) => fromMs + tookMs));
