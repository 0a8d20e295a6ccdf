import type { Settings } from '../settings.ts';
import { type Finding, fine, stops, surprises } from './findings.ts';
import { describe } from './place.ts';

type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;

const limitMs = 5_000;

/** Whether the issuer's keys are where the settings look for them: otherwise every handshake fails. */
export async function checkIssuer(fetch: Fetch, settings: Settings): Promise<Finding[]> {
  const { issuer } = settings;
  if (issuer === undefined) return [fine('issuer', 'A Cognito user pool of the deployment’s own.')];
  const base = issuer.replace(/\/$/, '');
  const uri = settings.jwksUri ?? `${base}/.well-known/jwks.json`;
  const discovered = await json(fetch, `${base}/.well-known/openid-configuration`);
  const keys = await json(fetch, uri);
  if (discovered.value?.issuer !== undefined && discovered.value.issuer !== issuer)
    return [
      stops(
        'issuer',
        `The issuer calls itself ${JSON.stringify(discovered.value.issuer)}, and issuer is ${JSON.stringify(issuer)}: no token would fit.`,
        `Set issuer to ${JSON.stringify(discovered.value.issuer)}, to the letter.`,
      ),
    ];
  if (Array.isArray(keys.value?.keys)) return [fine('issuer', `Its keys are at ${uri}.`)];
  const published = discovered.value?.jwks_uri;
  if (typeof published === 'string' && published !== uri)
    return [
      stops(
        'issuer',
        `The issuer’s keys are not at ${uri} (${keys.fault}): every handshake would fail.`,
        `Set jwksUri to ${published}, as its configuration says.`,
      ),
    ];
  return [
    surprises(
      'issuer',
      `No keys could be read at ${uri} from here (${keys.fault}).`,
      'If the functions cannot either, every handshake fails: set jwksUri to `jwks_uri` of its /.well-known/openid-configuration.',
    ),
  ];
}

interface Answer {
  readonly value?: Readonly<Record<string, unknown>>;
  /** Why there is no value. */
  readonly fault?: string;
}

async function json(fetch: Fetch, url: string): Promise<Answer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) });
    if (!response.ok) return { fault: `HTTP ${response.status}` };
    const value: unknown = await response.json();
    return typeof value === 'object' && value !== null ? { value: { ...value } } : { fault: 'no object' };
  } catch (error) {
    return { fault: describe(error).message };
  }
}
