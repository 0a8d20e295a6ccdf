import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { tokenExpiry } from '../client/token.ts';
import type { GetToken } from '../client/tokens.ts';
import { CliError, usageError } from './errors.ts';
import { unreachable } from './handshake-failure.ts';
import type { Place } from './place.ts';

export interface TokenSourceOptions {
  /** Whose token it has to be. */
  readonly user: string;
  readonly place: Place;
  readonly token: string | undefined;
  /** A line for the shell that prints a token; it is told the user as POSTRIDER_USER. */
  readonly tokenCommand: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Seconds; for tokens of the local stack. */
  readonly ttlSeconds?: number | undefined;
}

/** Where tokens come from: `--token`, `--token-command`, or the local stack. What it gives rejects with a `CliError`. */
export function makeTokenSource(options: TokenSourceOptions): GetToken {
  const { user, token, tokenCommand, place } = options;
  if (token !== undefined && tokenCommand !== undefined)
    throw usageError('--token and --token-command exclude each other.', 'Give one of them.');
  if (token !== undefined) return () => checkToken(token, user);
  if (tokenCommand !== undefined)
    return async () => checkToken(await runCommand(tokenCommand, options), user);
  const { tokenUrl } = place;
  if (tokenUrl) return () => askLocalStack(tokenUrl, options);
  throw usageError(
    `${place.url} gives no tokens by itself.`,
    'Give --token-command with a command that prints one (or --token, or POSTRIDER_TOKEN).',
  );
}

function checkToken(token: string, user: string): string {
  const remedy = 'Get a new one. With --token-command it is asked for by itself.';
  const subject = subjectOf(token);
  if (subject === undefined)
    throw new CliError('token', 'What was given as a token is not a JWT with a "sub".', {
      code: 'token_malformed',
      remedy: 'A token has three parts with dots between them; its "sub" is the user id.',
    });
  if (subject !== user)
    throw new CliError('token', `The token is of "${subject}", and not of "${user}".`, {
      code: 'token_of_other',
      remedy: `Get one of "${user}", or write "${subject}" in the command.`,
    });
  if ((tokenExpiry(token) ?? Number.POSITIVE_INFINITY) <= Date.now())
    throw new CliError('token', 'The token has expired.', { code: 'token_expired', remedy });
  return token;
}

/** Read, not verified: so that a wrong one is told here, in words, and not by the server's 401. */
function subjectOf(token: string): string | undefined {
  // It is handed on as it is, to terminals too.
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
    const { sub } = JSON.parse(payload) as { sub?: unknown };
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}

async function runCommand(command: string, { env, user }: TokenSourceOptions): Promise<string> {
  try {
    const { stdout } = await promisify(exec)(command, { env: { ...env, POSTRIDER_USER: user } });
    return stdout.trim();
  } catch (error) {
    // Its message would repeat the command, and perhaps a secret in it.
    const { code, stderr } = error as { code?: unknown; stderr?: unknown };
    throw new CliError('token', `The token command failed with ${String(code)}. ${String(stderr)}`.trim(), {
      code: 'token_command_failed',
      remedy: 'It must print a token and nothing else. The user is in POSTRIDER_USER.',
      isPassing: true,
    });
  }
}

async function askLocalStack(tokenUrl: URL, { user, ttlSeconds }: TokenSourceOptions): Promise<string> {
  const url = new URL(tokenUrl);
  url.searchParams.set('user', user);
  if (ttlSeconds !== undefined) url.searchParams.set('ttl', String(ttlSeconds));
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw unreachable(url.host, error instanceof Error ? error.cause : error);
  }
  const text = (await response.text()).trim();
  if (response.ok && subjectOf(text) !== undefined) return text;
  const refusal = `${url.origin} gave no token (${response.status}).`;
  const what = `${refusal} ${text.slice(0, 200)}`.trim();
  // A stack that is starting, for instance.
  if (response.status >= 500)
    throw new CliError('unreachable', what, {
      code: 'unavailable',
      remedy: 'Try again in a moment.',
      isPassing: true,
    });
  const [said = ''] = text.split('\n');
  // It understood the request, and says itself what has to be corrected in it.
  if (response.status === 400 && said !== '')
    throw new CliError('token', refusal, {
      code: 'token_refused',
      remedy: said,
    });
  throw new CliError('token', what, {
    code: 'token_refused',
    remedy: 'Only the local stack gives tokens to whoever asks; elsewhere give --token-command or --token.',
  });
}
