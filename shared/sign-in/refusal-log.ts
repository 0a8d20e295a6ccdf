import type { Clock } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import type { RefusalReason } from './verification.ts';

interface Options {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export type TellRefusal = (reason: RefusalReason) => void;

/** Lines a minute of one environment: anybody can be refused as often as they like, at the expense of whoever pays for the log. */
const linesInMinute = 20;

/**
 * Tells of handshakes that are refused, by the connection's id, which the access log has too. Those beyond the limit are
 * counted with the next line.
 */
export function makeRefusalLog({ clock, telemetry }: Options): TellRefusal {
  let minute = 0;
  let lines = 0;
  let untold = 0;
  return (reason) => {
    const now = Math.floor(clock.now() / 60_000);
    if (now !== minute) [minute, lines] = [now, 0];
    if (lines === linesInMinute) {
      untold += 1;
      return;
    }
    lines += 1;
    telemetry.warn('handshake refused', { reason, ...(untold > 0 && { untold }) });
    telemetry.count('AuthorizeRefused', 1 + untold);
    untold = 0;
  };
}
