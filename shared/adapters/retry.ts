import type { Backoff } from '#shared/use-cases/waiting.ts';

/** Runs `operation` again, `attempts` times in all, as long as it fails with what `isTransient` accepts. */
export async function retrying<T>(
  operation: () => Promise<T>,
  isTransient: (error: unknown) => boolean,
  backoff: Backoff,
  attempts = 8,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation();
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error;
      await backoff(attempt);
    }
  }
}

/** The `name` of an SDK error, by which AWS documents its errors. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
