/** Structured log lines and counters. Neither may ever be given content or a token. */
export interface Telemetry {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, error: unknown, fields?: Record<string, unknown>): void;
  /** Adds to a counter. `name` is a metric's name, in PascalCase. */
  count(name: string, by?: number): void;
}

export interface FlushableTelemetry extends Telemetry {
  /** Writes the counters of this invocation. */
  flush(): void;
}
