import type { Backoff } from '#shared/runtime/waiting.ts';

interface RetryOptions {
  /** In all; 8 by default. */
  readonly attempts?: number;
  /** Asked after each pause, in which a function may freeze and thaw minutes later; always by default. */
  readonly isInTime?: () => boolean;
}

/** Runs `operation` again as long as it fails with what `isTransient` accepts. */
export async function retrying<T>(
  operation: () => Promise<T>,
  isTransient: (error: unknown) => boolean,
  backoff: Backoff,
  { attempts = 8, isInTime = () => true }: RetryOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation();
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error;
      await backoff(attempt);
      if (!isInTime()) throw error;
    }
  }
}

/** The `name` of an SDK error, by which AWS documents its errors. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
