import type { Clock } from './clock.ts';

/**
 * Waits until every one of `work` has ended, then throws the first failure in their order. A Lambda freezes what is
 * not awaited, so nothing may still be on its way when one of several side by side has failed.
 */
export async function sideBySide<T extends readonly Promise<unknown>[]>(
  ...work: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as { -readonly [K in keyof T]: Awaited<T[K]> };
}

/**
 * Waits for `work`, but at most `milliseconds`: for what follows a commit and may not hold up or undo its success.
 * What is late is left behind. That, or a failure, goes to `onError`; neither is thrown.
 */
export async function withinTime(
  clock: Clock,
  milliseconds: number,
  work: Promise<unknown>,
  onError: (error: unknown) => void,
): Promise<void> {
  const timer = new AbortController();
  let late = false;
  const report = (error: unknown) => {
    // What was left behind has been reported, and may end within an invocation that has nothing to do with it.
    if (!late) onError(error);
  };
  const done = work.then(() => {}, report).finally(() => timer.abort());
  const timeUp = async () => {
    await clock.sleep(milliseconds, timer.signal);
    if (timer.signal.aborted) return;
    onError(new Error(`Not done within ${milliseconds} ms.`));
    late = true;
  };
  await Promise.race([done, timeUp()]);
}
