import { CliError } from './errors.ts';

/** Nothing answers at `host`; `cause` is the network's error. */
export function unreachable(host: string, cause: unknown): CliError {
  const reason = networkCode(cause);
  const isAbsent = reason === 'ECONNREFUSED' && /^(127\.|localhost|\[::1\])/.test(host);
  return new CliError('unreachable', `Nothing answers at ${host} (${reason}).`, {
    code: 'unreachable',
    remedy: isAbsent
      ? 'Start the local stack in another terminal: npm start. Or name another place: --url'
      : 'Check --url and the network.',
    isPassing: true,
  });
}

/** Why a handshake that was answered with this status or error failed, in words; undefined if it would open now. */
export function handshakeFailure(url: string, outcome: number | Error): CliError | undefined {
  const { host } = new URL(url);
  if (outcome instanceof Error) return unreachable(host, outcome);
  const status = outcome;
  if (status === 101) return undefined;
  const what = `${host} refused the connection with ${status}`;
  if (status === 401 || status === 403)
    return new CliError(
      'token',
      `${what}: the token ${status === 401 ? 'was not accepted' : 'is not allowed'}.`,
      {
        code: status === 401 ? 'unauthenticated' : 'forbidden',
        remedy: 'It must be of the issuer and for the audience of this deployment, and not be expired.',
      },
    );
  if (status === 429 || status >= 500)
    return new CliError('unreachable', `${what}.`, {
      code: 'unavailable',
      remedy: 'Try again in a moment.',
      isPassing: true,
    });
  return new CliError('unreachable', `${what}: it does not seem to be Postrider.`, {
    code: 'unreachable',
    remedy: 'Check the path of --url: it ends with the stage, /local for the local stack.',
  });
}

/** Whether it makes sense to go on trying although there was never a connection. */
export function mayStillOpen({ code }: CliError): boolean {
  return code === 'unavailable';
}

function networkCode(cause: unknown): string {
  // Several addresses were tried: any of them says enough.
  const error = cause instanceof AggregateError ? cause.errors[0] : cause;
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}
