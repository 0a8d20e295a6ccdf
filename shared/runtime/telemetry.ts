import type { OnUnfit } from './failures.ts';

/** Whose a line is. Ids and numbers of ours alone: what a client wrote may hold content. */
export interface LineKeys {
  /** API Gateway's, which the access log has too. */
  readonly requestId?: string;
  readonly connectionId?: string;
  readonly userId?: string;
  readonly action?: string;
  readonly conversationId?: string;
  readonly seq?: number;
  readonly messageId?: string;
}

/** Structured log lines and counters. Neither may ever be given content or a token. */
export interface Telemetry {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, error: unknown, fields?: Record<string, unknown>): void;
  /** Adds to a counter. `name` is a metric's name, in PascalCase. */
  count(name: string, by?: number): void;
  /** How long something took, in milliseconds: CloudWatch makes percentiles of it, and a count. */
  time(name: string, milliseconds: number): void;
  /** Every further line of this invocation carries these as well. */
  about(keys: LineKeys): void;
}

/** Of a whole function, which has one invocation at a time. */
export interface FunctionTelemetry extends Telemetry {
  /** An invocation begins: its lines carry these, the request that `context` (Lambda's) names, and no earlier ones. */
  begin(context: unknown, keys: LineKeys): void;
  /** For one of several pieces of work that an invocation does side by side. */
  of(keys: LineKeys): Telemetry;
  /** Writes the counters of this invocation. */
  flush(): void;
}

/** For a row that must not hold up the others: it is passed over, and told of by name. */
export function passOver(telemetry: Telemetry): OnUnfit {
  return (failure) => {
    const { table, key, attribute } = failure;
    telemetry.error('row passed over', failure, { table, key, attribute });
    telemetry.count('Defect');
  };
}
