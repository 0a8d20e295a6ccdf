import { messagesOf } from '#test/contract/history/record.ts';
import type { Finding, RecordedEvent } from './judge.ts';
import { faultKinds, meanings } from './kinds.ts';
import type { ChaosOptions } from './options.ts';
import type { Weather } from './plan.ts';

export interface RecordedFault {
  readonly at: number;
  readonly kind: string;
  readonly service?: string;
  readonly operation?: string;
  readonly functionName?: string | undefined;
  readonly detail?: string;
}

export interface RunRecord {
  readonly options: ChaosOptions;
  readonly command: string;
  readonly begunAt: number;
  /** Of the faults, without the coming back. */
  readonly seconds: number;
  readonly devices: number;
  readonly operations: number;
  readonly repeated: number;
  readonly events: readonly RecordedEvent[];
  readonly faults: readonly RecordedFault[];
  readonly weathers: readonly Weather[];
  readonly findings: readonly Finding[];
  readonly hasCache: boolean;
  readonly directory: string;
}

export interface Summary {
  /** Different ones, however often each was tried. */
  readonly sends: number;
  readonly attempts: number;
  readonly confirmed: number;
  /** Some attempt of theirs was never answered, and a later one was. */
  readonly resolved: number;
  readonly forbidden: number;
  /** The end of the run came before the answer, or they were refused. */
  readonly unconfirmed: number;
  readonly pushes: number;
  readonly drains: number;
  readonly cutDrains: number;
}

export function summarise(events: readonly RecordedEvent[]): Summary {
  const attempts = new Map<string, number>();
  const answers = new Map<string, number>();
  const refused = new Set<string>();
  const counts = { pushes: 0, drains: 0, cutDrains: 0 };
  const add = (to: Map<string, number>, key: string) => to.set(key, (to.get(key) ?? 0) + 1);
  for (const event of events) {
    if (event.kind === 'send') add(attempts, nameOf(event));
    else if (event.kind === 'sent') add(answers, nameOf(event));
    else if (event.kind === 'refused') refused.add(nameOf(event));
    else if (event.kind === 'pushed') counts.pushes += 1;
    else if (event.kind === 'drained') counts[event.cut ? 'cutDrains' : 'drains'] += 1;
  }
  const resolved = [...answers].filter(
    ([name, count]) => (attempts.get(name) ?? 0) > count && !refused.has(name),
  );
  return {
    sends: attempts.size,
    attempts: [...attempts.values()].reduce((sum, count) => sum + count, 0),
    confirmed: answers.size,
    resolved: resolved.length,
    forbidden: refused.size,
    unconfirmed: [...attempts.keys()].filter((name) => !answers.has(name)).length,
    ...counts,
  };
}

function nameOf({
  user,
  to,
  clientMessageId,
}: {
  user: string;
  to: string;
  clientMessageId: string;
}): string {
  return `${user} ${to} ${clientMessageId}`;
}

export function countByKind(faults: readonly RecordedFault[]): [kind: string, count: number][] {
  return faultKinds
    .map((kind): [string, number] => [kind, faults.filter((fault) => fault.kind === kind).length])
    .filter(([, count]) => count > 0);
}

/** For the terminal. */
export function shortSummary(run: RunRecord): string {
  const { sends, confirmed, resolved, forbidden, unconfirmed } = summarise(run.events);
  const lines = [
    `seed ${run.options.seed}: ${run.devices} devices, ${run.operations} operations in ${Math.round(run.seconds)} s, ${run.repeated} repeated`,
    `sends: ${sends}, confirmed ${confirmed} (${resolved} after an unknown outcome), refused because blocked ${forbidden}, never confirmed ${unconfirmed}`,
    `faults: ${
      countByKind(run.faults)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(', ') || 'none'
    }`,
  ];
  if (!run.hasCache) lines.push('no cache: valkey-server or redis-server is not installed');
  if (run.findings.length === 0) return [...lines, 'nothing was lost, doubled or out of order'].join('\n');
  const shown = run.findings.slice(0, 10).map(({ rule, detail }) => `  ${rule}: ${detail.slice(0, 300)}`);
  return [...lines, `${run.findings.length} FINDINGS`, ...shown, `history and report: ${run.directory}`].join(
    '\n',
  );
}

const shownFindings = 25;
const shownEvents = 40;
const shownFaults = 25;

/** The whole of it, in Markdown. */
export function fullReport(run: RunRecord): string {
  const summary = summarise(run.events);
  const { seed, users, minutes } = run.options;
  const result = run.findings.length === 0 ? 'nothing found' : `${run.findings.length} findings`;
  return `${[
    `# Chaos, seed ${seed}: ${result}`,
    `\`${run.command}\`, ${new Date(run.begunAt).toISOString()}. ${users} users with ${run.devices} devices; faults for ${minutes} minutes${run.hasCache ? '' : '; no cache server on this machine'}. The seed decides who does what and which faults come when; what meets what on the wire is the machine's, so the same seed does not repeat a run.`,
    '## What was done',
    table(
      ['what', 'how often'],
      [
        ['operations of devices', run.operations],
        ['operations done again because nothing was decided', run.repeated],
        ['sends', summary.sends],
        ['attempts to send', summary.attempts],
        ['sends confirmed', summary.confirmed],
        ['of them after an attempt whose outcome was unknown', summary.resolved],
        ['sends refused because blocked', summary.forbidden],
        ['sends never confirmed', summary.unconfirmed],
        ['pushes received', summary.pushes],
        ['drains', summary.drains],
        ['drains that were cut', summary.cutDrains],
      ],
    ),
    '## Faults',
    table(
      ['kind', 'how often', 'what'],
      countByKind(run.faults).map(([kind, count]) => [kind, count, meanings[kind as keyof typeof meanings]]),
    ),
    faultsByCall(run.faults),
    '## Findings',
    run.findings.length === 0
      ? 'None.'
      : run.findings
          .slice(0, shownFindings)
          .map((finding) => describe(finding, run))
          .join('\n\n'),
  ].join('\n\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  if (rows.length === 0) return 'None.';
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Which calls the faults befell. */
function faultsByCall(faults: readonly RecordedFault[]): string {
  const calls = Map.groupBy(
    faults.filter(({ operation }) => operation !== undefined),
    ({ service, operation }) => `${service} ${operation}`,
  );
  const rows = [...calls]
    .map(([call, befallen]): [string, number] => [call, befallen.length])
    .toSorted(([, one], [, other]) => other - one);
  return rows.length === 0 ? '' : table(['call', 'faults'], rows);
}

function describe({ rule, detail }: Finding, run: RunRecord): string {
  const words = wordsOf(detail);
  const concerned = run.events.filter((event) => words.length > 0 && concerns(event, words));
  const shown = concerned.slice(-shownEvents);
  const [from, until] = [shown[0]?.at ?? 0, (shown.at(-1)?.at ?? 0) + 1_000];
  const faults = run.faults.filter(({ at }) => at >= from - 3_000 && at <= until).slice(0, shownFaults);
  const time = (at: number) => ((at - run.begunAt) / 1_000).toFixed(3).padStart(9);
  return [
    `### ${rule}`,
    detail,
    ...(shown.length > 0
      ? ['```', ...shown.map((event) => `${time(event.at)} ${tell(event, words)}`), '```']
      : []),
    ...(faults.length > 0
      ? ['Faults around it:', '```', ...faults.map((fault) => `${time(fault.at)} ${tellFault(fault)}`), '```']
      : []),
  ].join('\n');
}

/** What a finding names: places in conversations, and sends. */
function wordsOf(detail: string): string[] {
  const places = [...detail.matchAll(/(\S+) seq (\d+)\b/g)].map(
    ([, conversationId, seq]) => `${conversationId} ${seq}`,
  );
  const drains = [...detail.matchAll(/in (\S{8,}) (?:has|is|above|begins|ends)\D+(\d+)/g)].map(
    ([, id, seq]) => `${id} ${seq}`,
  );
  const sends = [...detail.matchAll(/"(d\d+-\d+)"/g)].map(([, name]) => String(name));
  return [...places, ...drains, ...sends];
}

function concerns(event: RecordedEvent, words: readonly string[]): boolean {
  if ('clientMessageId' in event && words.includes(event.clientMessageId)) return true;
  return messagesOf(event).some(({ conversationId, seq }) => words.includes(`${conversationId} ${seq}`));
}

function tell(event: RecordedEvent, words: readonly string[]): string {
  const who = 'device' in event ? event.device : event.user;
  const theirs = messagesOf(event).filter(({ conversationId, seq }) =>
    words.includes(`${conversationId} ${seq}`),
  );
  const seqs = theirs
    .map(({ seq, messageId, senderId }) => `seq ${seq} ${messageId} of ${senderId}`)
    .join(', ');
  const name = 'clientMessageId' in event ? ` ${event.clientMessageId} to ${event.to}` : '';
  const duplicate = event.kind === 'sent' && event.duplicate ? ' (duplicate)' : '';
  return `${who} ${event.kind}${name}${duplicate} ${seqs}`.trimEnd();
}

function tellFault({ kind, service, operation, functionName, detail }: RecordedFault): string {
  return [kind, service, operation, functionName && `in ${functionName}`, detail].filter(Boolean).join(' ');
}
