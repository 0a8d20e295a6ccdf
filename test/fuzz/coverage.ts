import { type Profiler, Session } from 'node:inspector/promises';

/** By the script's URL: 1 for each character whose block ran. */
type Blocks = ReadonlyMap<string, Uint8Array>;

export interface CoverageMeter {
  /** What ran since the last call. */
  take(): Promise<Blocks>;
  /** Whether something of it has never been added. */
  hasNew(blocks: Blocks): boolean;
  add(blocks: Blocks): void;
  /** Share of the characters of function bodies that ran, 0 to 1. */
  share(): number;
}

/** V8's own block coverage of the scripts whose URL ends with one of `files`. */
export async function startCoverage(files: readonly string[]): Promise<CoverageMeter> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const added = new Map<string, Uint8Array>();
  const bodies = new Map<string, Uint8Array>();

  return {
    async take() {
      const { result } = await session.post('Profiler.takePreciseCoverage');
      const ours = result.filter(({ url }) => files.some((file) => url.endsWith(file)));
      return new Map(ours.map((script) => [script.url, paint(script, bodies)]));
    },
    hasNew: (blocks) =>
      [...blocks].some(([url, ran]) => {
        const known = added.get(url);
        return ran.some((didRun, at) => didRun === 1 && known?.[at] !== 1);
      }),
    add(blocks) {
      for (const [url, ran] of blocks) {
        const known = added.get(url) ?? new Uint8Array(ran.length);
        added.set(
          url,
          ran.map((didRun, at) => didRun | (known[at] ?? 0)),
        );
      }
    },
    share() {
      const sumOf = (map: Blocks) => [...map.values()].flatMap((each) => [...each]).reduce(sum, 0);
      return sumOf(added) / Math.max(1, sumOf(bodies));
    },
  };
}

/** The blocks that ran, the inner over the outer, as V8 lists them; on the way `bodies` gets all that could have run. */
function paint({ url, functions }: Profiler.ScriptCoverage, bodies: Map<string, Uint8Array>): Uint8Array {
  const ends = functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset));
  const ran = new Uint8Array(Math.max(0, bodies.get(url)?.length ?? 0, ...ends));
  const body = bodies.get(url) ?? new Uint8Array(ran.length);
  bodies.set(url, body);
  for (const { functionName, ranges } of functions) {
    // What runs once at import says nothing about inputs.
    if (functionName === '' && ranges[0]?.startOffset === 0) continue;
    for (const { startOffset, endOffset, count } of ranges) {
      body.fill(1, startOffset, endOffset);
      ran.fill(Math.min(count, 1), startOffset, endOffset);
    }
  }
  return ran;
}

function sum(one: number, other: number): number {
  return one + other;
}
