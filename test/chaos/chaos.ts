import { appendFileSync, createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backend, startBackend } from './backend.ts';
import { startChild } from './child.ts';
import { type Finding, judge, type RecordedEvent } from './judge.ts';
import type { ChaosOptions } from './options.ts';
import { makePlan, type Plan } from './plan.ts';
import { fullReport, type RecordedFault, type RunRecord } from './report.ts';
import type { Progress, WorkloadOrder, WorkloadReport, WorkloadSettings } from './workload-process.ts';

export interface ChaosProgress extends Progress {
  readonly phase: 'starting' | 'faults' | 'coming back' | 'judging';
  readonly seconds: number;
  readonly faults: readonly RecordedFault[];
  readonly findings: number;
}

interface RunOptions {
  /** What a person would write to have the same plan again. */
  readonly command: string;
  /** Ends everything at once: the run then rejects with its reason. */
  readonly signal: AbortSignal;
  onProgress(progress: ChaosProgress): void;
}

const comingBackMs = 240_000;

/** One run from beginning to end. Leaves no process, also if it rejects; writes its report into its folder. */
export async function runChaos(
  options: ChaosOptions,
  { command, signal, onProgress }: RunOptions,
): Promise<RunRecord> {
  const directory = resolve(
    options.out ?? join('.postrider/chaos', `seed-${options.seed}-${stampOf(new Date())}`),
  );
  mkdirSync(directory, { recursive: true });
  await rm(join(directory, 'data'), { recursive: true, force: true });
  const plan = makePlan(options.seed, options.minutes * 60_000, options.faults);
  writeFileSync(join(directory, 'plan.json'), JSON.stringify({ ...options, ...plan }, undefined, 2));

  const begunAt = Date.now();
  const faults: RecordedFault[] = [];
  const findings: Finding[] = [];
  let counts: Progress = { operations: 0, repeated: 0, confirmed: 0, devices: 0 };
  let phase: ChaosProgress['phase'] = 'starting';
  const tell = () =>
    onProgress({
      ...counts,
      phase,
      seconds: (Date.now() - begunAt) / 1_000,
      faults,
      findings: findings.length,
    });
  const addFault = (fault: Omit<RecordedFault, 'at'>) => {
    faults.push({ at: Date.now(), ...fault });
    appendFileSync(join(directory, 'faults.jsonl'), `${JSON.stringify(faults.at(-1))}\n`);
  };

  await using cleanup = new AsyncDisposableStack();
  const ticking = setInterval(tell, 250);
  cleanup.defer(() => clearInterval(ticking));
  const backend = cleanup.adopt(
    await startBackend({
      seed: options.seed,
      directory,
      signal,
      onFault: addFault,
      onUnexpectedEnd: () =>
        findings.push({ rule: 'crash', detail: 'the stack ended by itself; stack.log says why' }),
    }),
    (it) => it.stop(),
  );
  signal.throwIfAborted();
  const historyFile = join(directory, 'history.jsonl');
  const workload = startWorkload({
    directory,
    settings: {
      seed: options.seed,
      users: options.users,
      url: backend.url,
      httpUrl: backend.httpUrl,
      historyFile,
    },
    onProgress: (progress) => {
      counts = progress;
    },
    onFinding: (finding) => findings.push(finding),
  });
  cleanup.defer(workload.stop);

  phase = 'faults';
  const faultsBegan = performance.now();
  await within(signal, followPlan(plan, backend, addFault, options.minutes * 60_000, signal));
  const seconds = (performance.now() - faultsBegan) / 1_000;
  phase = 'coming back';
  backend.setWeather({ wire: {}, cache: {} });
  await within(signal, comeBack(workload, backend, findings));
  phase = 'judging';
  tell();
  await workload.stop();
  await backend.stop();

  const events = await readHistory(historyFile);
  findings.push(...judge(events));
  const record: RunRecord = {
    ...{ options, command, begunAt, seconds, events, faults, findings, directory },
    ...{ devices: counts.devices, operations: counts.operations, repeated: counts.repeated },
    ...{ weathers: plan.weathers, hasCache: backend.hasCache },
  };
  writeFileSync(join(directory, 'report.md'), fullReport(record));
  return record;
}

function stampOf(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
}

/** Rejects at once when `signal` aborts. */
async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function followPlan(
  { weathers, kills }: Plan,
  backend: Backend,
  addFault: (fault: Omit<RecordedFault, 'at'>) => void,
  durationMs: number,
  signal: AbortSignal,
): Promise<void> {
  const begun = performance.now();
  const until = async (atMs: number) => {
    await sleep(Math.max(0, begun + atMs - performance.now()), undefined, { signal });
  };
  const killAll = async () => {
    for (const kill of kills) {
      await until(kill.atMs);
      // Each takes its time to recover from; what is late by then comes at once, or not at all.
      if (performance.now() - begun > durationMs) return;
      // A worker's comes when its call does, and is counted then.
      if (kill.kind !== 'kill-worker') addFault({ kind: kill.kind });
      await backend.kill(kill);
    }
  };
  const changeWeather = async () => {
    for (const weather of weathers) {
      await until(weather.atMs);
      backend.setWeather(weather);
      await until(weather.atMs + weather.forMs);
      backend.setWeather({ wire: {}, cache: {} });
    }
  };
  await Promise.all([killAll(), changeWeather(), until(durationMs)]);
}

/** Nothing fails any more: what is under way ends, then every device comes back and reads all that there is. */
async function comeBack(workload: Workload, backend: Backend, findings: Finding[]): Promise<void> {
  const deadline = sleep(comingBackMs, 'late', { ref: false });
  const inTime = async (work: Promise<unknown>, what: string) => {
    if ((await Promise.race([work, deadline])) === 'late')
      findings.push({ rule: 'unreachable', detail: `${what} took longer than ${comingBackMs / 1_000} s` });
  };
  const settled = backend.settle();
  workload.tell({ type: 'pause' });
  await inTime(workload.paused, 'ending what was under way');
  await settled;
  await backend.settle();
  workload.tell({ type: 'finish' });
  await inTime(workload.finished, 'coming back');
}

interface Workload {
  readonly paused: Promise<void>;
  readonly finished: Promise<void>;
  tell(order: WorkloadOrder): void;
  stop(): Promise<void>;
}

interface WorkloadStart {
  readonly directory: string;
  readonly settings: WorkloadSettings;
  onProgress(progress: Progress): void;
  onFinding(finding: Finding): void;
}

/** How long a device waits for an answer before it takes the connection for lost. */
const answerPatienceMs = 8_000;

function startWorkload({ directory, settings, onProgress, onFinding }: WorkloadStart): Workload {
  const [paused, finished] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let stopping = false;
  const child = startChild<WorkloadOrder, WorkloadReport>({
    file: 'workload-process.ts',
    settings,
    logFile: join(directory, 'workload.log'),
    env: { POSTRIDER_WAIT_MS: String(answerPatienceMs) },
    onReport(message) {
      if (message.type === 'progress') onProgress(message);
      else if (message.type === 'finding') onFinding(message.finding);
      else (message.type === 'paused' ? paused : finished).resolve();
    },
  });
  void child.exited.then(() => {
    if (stopping) return;
    onFinding({ rule: 'crash', detail: 'the workload ended by itself; workload.log says why' });
    paused.resolve();
    finished.resolve();
  });
  return {
    paused: paused.promise,
    finished: finished.promise,
    tell: child.tell,
    async stop() {
      stopping = true;
      await child.kill();
    },
  };
}

async function readHistory(file: string): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) events.push(JSON.parse(line));
  return events;
}
