import { randomBytes } from 'node:crypto';

/** A trace id as `X-Amzn-Trace-Id` carries it. `epochMs` is the time of the request. */
export function makeTraceId(epochMs: number): string {
  const seconds = Math.floor(epochMs / 1_000)
    .toString(16)
    .padStart(8, '0');
  return `Root=1-${seconds}-${randomBytes(12).toString('hex')}`;
}

/** The `Root=…` of such a header, which the whole path of a request has in common; undefined if there is none. */
export function traceRoot(header: string | undefined): string | undefined {
  return /(?:^|;)\s*(Root=1-[0-9a-f]{8}-[0-9a-f]{24})/.exec(header ?? '')?.[1];
}
