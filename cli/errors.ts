import { PostriderError } from '../client/errors.ts';

/** What a shell sees. 3 is the one after which the same command may succeed by itself. */
export const exitCodes = {
  done: 0,
  /** The server refused, and will again. */
  refused: 1,
  /** The command line is wrong. */
  usage: 2,
  /** No connection or no answer in time. */
  unreachable: 3,
  /** There is no token, or it was not accepted. */
  token: 4,
  /** Of this program. */
  defect: 70,
  /** 128 and the number of SIGINT, as shells count. */
  interrupted: 130,
  /** The same of SIGPIPE: nobody reads the output any more. */
  brokenPipe: 141,
} as const;

type Failure = 'refused' | 'usage' | 'unreachable' | 'token';

interface CliErrorOptions {
  readonly code: string;
  /** What to do about it. */
  readonly remedy: string;
  /** Whether a connection that worked before may come back by itself: false by default. */
  readonly isPassing?: boolean;
}

/** An error for the person at the terminal: what is wrong, and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;
  readonly code: string;
  readonly remedy: string;
  readonly isPassing: boolean;

  constructor(failure: Failure, message: string, { code, remedy, isPassing = false }: CliErrorOptions) {
    super(message);
    this.exitCode = exitCodes[failure];
    this.code = code;
    this.remedy = remedy;
    this.isPassing = isPassing;
  }
}

export function usageError(message: string, remedy: string): CliError {
  return new CliError('usage', message, { code: 'usage', remedy });
}

const passing = ['offline', 'no_answer', 'unavailable', 'rate_limited', 'internal', 'closed', 'queue_full'];

export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (!(error instanceof PostriderError)) return exitCodes.defect;
  if (error.code === 'unauthenticated' || error.code === 'token_failed') return exitCodes.token;
  return passing.includes(error.code) ? exitCodes.unreachable : exitCodes.refused;
}

/** Whether `error` tells what to do; anything else is a defect of this program. */
export function isExplained(error: unknown): error is CliError | PostriderError {
  return error instanceof CliError || error instanceof PostriderError;
}
