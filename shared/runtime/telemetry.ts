import type { OnUnfit } from './failures.ts';

/** Structured log lines and counters. Neither may ever be given content or a token. */
export interface Telemetry {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, error: unknown, fields?: Record<string, unknown>): void;
  /** Adds to a counter. `name` is a metric's name, in PascalCase. */
  count(name: string, by?: number): void;
}

/** For a row that must not hold up the others: it is passed over, and told of by name. */
export function passOver(telemetry: Telemetry): OnUnfit {
  return (failure) => {
    const { table, key, attribute } = failure;
    telemetry.error('row passed over', failure, { table, key, attribute });
    telemetry.count('Defect');
  };
}
