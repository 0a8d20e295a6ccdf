import type { FunctionTelemetry } from '#shared/runtime/telemetry.ts';

const nothing = () => {};

/** Says nothing; a test puts its own in the place of what it listens to. */
export const silentTelemetry: FunctionTelemetry = {
  info: nothing,
  warn: nothing,
  error: nothing,
  count: nothing,
  time: nothing,
  about: nothing,
  begin: nothing,
  of: () => silentTelemetry,
  flush: nothing,
};
