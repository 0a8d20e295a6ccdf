import { ProtocolError } from '#shared/protocol/errors.ts';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import type { Telemetry } from './telemetry.ts';

/** What the client is told of `error`; what it is not told goes to the log. */
export function toProtocolError(error: unknown, telemetry: Telemetry): ProtocolError {
  if (error instanceof ProtocolError) {
    // Its message may quote what the client wrote.
    telemetry.info('refused', { code: error.code });
    return error;
  }
  if (isDependencyFailure(error)) {
    telemetry.error('dependency failed', error);
    telemetry.count('DependencyFailed');
    return new ProtocolError('unavailable', 'A part of the service did not answer in time.', {
      cause: error,
    });
  }
  telemetry.error('defect', error);
  telemetry.count('Defect');
  return new ProtocolError('internal', 'The service failed on this request.', { cause: error });
}

/** Answers of AWS that say our request was wrong: repeating it cannot help. */
const defectNames = new Set([
  'ValidationException',
  // What reaches this place was not contention, which is retried.
  'TransactionCanceledException',
  'SerializationException',
  'IdempotentParameterMismatchException',
]);

function isDependencyFailure(error: unknown): boolean {
  if (error instanceof DependencyFailure) return true;
  if (!(error instanceof Error) || defectNames.has(error.name)) return false;
  // The SDK marks its errors with $fault or $metadata.
  return '$fault' in error || '$metadata' in error || isNetworkError(error) || error.name === 'TimeoutError';
}

/** Node's errors of the network have codes such as ECONNRESET; those that start with ERR_ are of our own making. */
function isNetworkError(error: Error): boolean {
  return 'code' in error && /^E(?!RR_)/.test(String(error.code));
}
