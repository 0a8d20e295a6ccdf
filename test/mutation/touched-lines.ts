/** Lines of one file, both ends inclusive. */
export interface LineRange {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/** Where clients and functions are put together: no rules. */
const isWiring = (file: string) =>
  /^shared\/(?:composition|aws\/(?:batch-get|clients|document-client|query-all)|runtime\/(?:lambda|system))\.ts$/.test(
    file,
  );

/** What Stryker is for, as its settings say it: the SDK, and those files of `shared/` that name no service. */
const isMutated = (file: string) =>
  !isWiring(file) &&
  (/^client\/(?!package\/|index\.ts$).*\.ts$/.test(file) || /^shared\/(?:.*\/)?[^/.]+\.ts$/.test(file));

/** The lines that a `git diff --unified=0` has added or changed in files that are mutated. */
export function touchedLines(diff: string): LineRange[] {
  let file = '';
  const ranges: LineRange[] = [];
  for (const line of diff.split('\n')) {
    if (line.startsWith('+++ ')) file = line.slice('+++ b/'.length);
    const [, start, count = '1'] = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (start === undefined || count === '0' || !isMutated(file)) continue;
    ranges.push({ file, from: Number(start), to: Number(start) + Number(count) - 1 });
  }
  return ranges;
}

/** As many of them, the first ones, as have `most` lines together. */
export function atMost(ranges: readonly LineRange[], most: number): LineRange[] {
  const some: LineRange[] = [];
  let left = most;
  for (const range of ranges) {
    if (left <= 0) break;
    const to = Math.min(range.to, range.from + left - 1);
    some.push({ ...range, to });
    left -= to - range.from + 1;
  }
  return some;
}

export const lineCount = (ranges: readonly LineRange[]) =>
  ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
