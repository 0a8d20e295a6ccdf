import { parentPort, workerData } from 'node:worker_threads';
import { loadTarget, readCorpus } from './corpus.ts';
import { startCoverage } from './coverage.ts';
import { type FuzzResult, fuzz } from './loop.ts';

/** What the runner hands over. */
export interface FuzzJob {
  readonly target: string;
  readonly seconds: number;
  readonly seed: number;
  /** Of 4 bytes, then the input that is being tried: the runner reads it when nothing comes back any more. */
  readonly current: SharedArrayBuffer;
  /** Counts inputs. */
  readonly progress: SharedArrayBuffer;
}

/** What it gets back. */
export type FuzzReport = Omit<FuzzResult, 'crash'> & {
  readonly crash?: { readonly input: Uint8Array; readonly error: string };
};

const { target: name, seconds, seed, current, progress } = workerData as FuzzJob;
const [length, bytes] = [new Uint32Array(current, 0, 1), new Uint8Array(current, 4)];
const count = new Uint32Array(progress);

const target = await loadTarget(name);
const meter = await startCoverage(target.files);
const until = performance.now() + seconds * 1000;
const { crash, ...result } = await fuzz(target, meter, {
  corpus: [...readCorpus(name).values()],
  seed,
  isOn: () => performance.now() < until,
  onInput(input) {
    bytes.set(input);
    length[0] = input.length;
    Atomics.add(count, 0, 1);
  },
});
const report: FuzzReport = {
  ...result,
  ...(crash && { crash: { input: crash.input, error: (crash.error as Error).stack ?? String(crash.error) } }),
};
parentPort?.postMessage(report);
