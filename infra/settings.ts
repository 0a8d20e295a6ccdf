import { parseRateLimits } from '#shared/limits/rate-limit-settings.ts';
import { parseTrustedNetworks } from '#shared/limits/trusted-networks.ts';
import {
  parseAudiences,
  parseIssuer,
  parseSwitch,
  parseText,
  parseWholeNumber,
  pickOne,
} from './setting-parsers.ts';

/**
 * Every setting of a deployment: a key of `settings/{name}.json`, or a context key of the CDK with the prefix
 * `postrider:`, which counts more (`npm run deploy -- -c postrider:cache=none`). docs/deploy.md explains each.
 */
export interface Settings {
  /** The stacks' names begin with it, so that one account can hold several deployments. */
  readonly name: string;
  /** The AWS account that it belongs to; `npm run deploy` refuses any other. Absent: that of the credentials. */
  readonly account?: string;
  /** The same for the region. */
  readonly region?: string;
  /** The OIDC issuer whose tokens are accepted. Absent: a Cognito user pool is created. */
  readonly issuer?: string;
  /** The token's `aud` must be or hold one of these. Goes with `issuer`. */
  readonly audience?: readonly string[];
  /** Where the issuer's keys are. Absent: `{issuer}/.well-known/jwks.json`. */
  readonly jwksUri?: string;
  /** How long known keys of the issuer count on while it does not give them again. */
  readonly issuerKeysHours: number;
  /** A scope without which a token is refused with 403. Goes with `issuer`. Absent: every right token may connect. */
  readonly tokenScope?: string;
  /** Whether people may sign themselves up in the Cognito pool that is created. */
  readonly selfSignUp: boolean;
  /** Valkey by its public endpoint, inside a VPC, or no cache at all. */
  readonly cache: 'public' | 'vpc' | 'none';
  /** The cache may grow to this, in GB; it bounds the cost. */
  readonly cacheMaxGigabytes: number;
  /** A domain name of your own for the WebSocket URL. Goes with `certificateArn`. */
  readonly domainName?: string;
  /** The ACM certificate of `domainName`, in the same region. */
  readonly certificateArn?: string;
  /** Stage throttling: frames and connections per second, over all users. */
  readonly requestsPerSecond: number;
  /** Stage throttling: how many may come at once. */
  readonly requestBurst: number;
  /** How many executions at a time Lambda has for this deployment. Absent: none are reserved. */
  readonly concurrency?: number;
  /** Read and write units a second that the busy tables can take from the start. Absent: what DynamoDB begins with. */
  readonly warmReadsPerSecond?: number;
  readonly warmWritesPerSecond?: number;
  /** Overrides of the rate limits per user and address, as JSON. */
  readonly rateLimits?: string;
  /** Networks whose addresses have no limit of connections, in CIDR notation, separated by commas. */
  readonly trustedNetworks?: string;
  /** Which life of the data this is. Another value when tables were restored: devices forget what they held. */
  readonly epoch: string;
  /** How long a data key seals new messages before the next one takes over. Old ones stay readable. */
  readonly dataKeyHours: number;
  /** Who gets the alarms by mail. Absent: subscribe to the topics yourself. */
  readonly alarmEmail?: string;
  readonly logLevel: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
  readonly logRetentionDays: number;
  /**
   * Whether this app sets the role with which API Gateway writes logs, one for the account and region. Absent: what
   * `npm run deploy` finds there decides, and without it an account's role is left alone.
   */
  readonly apiGatewayLogRole?: 'create' | 'exists';
  /** X-Ray. */
  readonly tracing: boolean;
  /** False makes a throw-away deployment: its data go with the stack. */
  readonly keepData: boolean;
}

export type SettingName = keyof Settings;

type Parsers = { readonly [K in keyof Required<Settings>]: (value: unknown) => Settings[K] };

/** The periods that CloudWatch Logs accepts, in days. */
const logRetentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

const parsers: Parsers = {
  name: parseText(
    /^(?=.{1,20}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$/,
    'a letter, then letters, digits and single hyphens, 20 at most, such as "Postrider"',
  ),
  account: parseText(/^\d{12}$/, "the account's 12 digits, in quotes"),
  region: parseText(/^[a-z]{2,}(-[a-z]+)+-\d+$/, 'a region such as "eu-central-1"'),
  issuer: parseIssuer,
  audience: parseAudiences,
  jwksUri: parseText(
    /^https:\/\/\S+$/,
    'an https URL: "jwks_uri" of {issuer}/.well-known/openid-configuration',
  ),
  issuerKeysHours: parseWholeNumber(1, 168),
  tokenScope: parseText(/^[^\s"\\]{1,256}$/, 'one scope, without spaces'),
  selfSignUp: parseSwitch,
  cache: pickOne(['public', 'vpc', 'none']),
  cacheMaxGigabytes: parseWholeNumber(1, 5_000),
  domainName: parseText(
    /^([a-z0-9-]{1,63}\.)+[a-z]{2,63}$/,
    'a host name in small letters, such as "chat.example.com"',
  ),
  certificateArn: parseText(
    /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/\S+$/,
    'the ARN of an ACM certificate, "arn:aws:acm:{region}:{account}:certificate/{id}"',
  ),
  requestsPerSecond: parseWholeNumber(1, 100_000),
  requestBurst: parseWholeNumber(1, 50_000),
  concurrency: parseWholeNumber(10, 1_000_000),
  // What a new table on demand can take is the least that DynamoDB accepts.
  warmReadsPerSecond: parseWholeNumber(12_000, 10_000_000),
  warmWritesPerSecond: parseWholeNumber(4_000, 10_000_000),
  rateLimits: parseRateLimitOverrides,
  trustedNetworks: parseTrustedNetworkList,
  epoch: parseText(
    /^[A-Za-z0-9._-]{1,64}$/,
    'a text of letters, digits, dots, hyphens and underscores that was not used before, such as "2"',
  ),
  dataKeyHours: parseWholeNumber(1, 8_760),
  alarmEmail: parseText(/^\S+@\S+\.\S+$/, 'an e-mail address'),
  logLevel: pickOne(['DEBUG', 'INFO', 'WARN', 'ERROR']),
  logRetentionDays: pickOne(logRetentionDays),
  apiGatewayLogRole: pickOne(['create', 'exists']),
  tracing: parseSwitch,
  keepData: parseSwitch,
};

const defaults = {
  name: 'Postrider',
  issuerKeysHours: 24,
  selfSignUp: false,
  cache: 'public',
  cacheMaxGigabytes: 5,
  requestsPerSecond: 2_000,
  requestBurst: 1_000,
  epoch: '1',
  dataKeyHours: 24,
  logLevel: 'INFO',
  logRetentionDays: 30,
  tracing: true,
  keepData: true,
} as const satisfies Partial<Settings>;

/** The prefix of our context keys: the CDK and other tools keep theirs in the same place. */
export const settingPrefix = 'postrider:';
export const settingNames: readonly string[] = Object.keys(parsers);
export const isSettingName = (name: string): name is SettingName => Object.hasOwn(parsers, name);
export const defaultName: string = defaults.name;

/** Settings that are wrong. The message names each, with what to write instead. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * Reads the settings from the cdk context. `originOf` names for a setting where its value was written.
 * Throws one `SettingsError` that names everything that is wrong, each with what to write instead.
 */
export function readSettings(
  context: Readonly<Record<string, unknown>>,
  originOf: (name: string) => string = (name) => settingPrefix + name,
): Settings {
  const faults = [...misspelt(context)];
  const read: Record<string, unknown> = { ...defaults };
  for (const [name, parse] of Object.entries(parsers)) {
    const value = context[settingPrefix + name];
    if (value === undefined || value === '') continue;
    try {
      read[name] = parse(value);
    } catch (error) {
      faults.push(`${originOf(name)} is ${JSON.stringify(value)}: write ${(error as Error).message}.`);
    }
  }
  const settings = read as unknown as Settings;
  if (faults.length === 0) faults.push(...unfit(settings));
  refuse(faults);
  return settings;
}

/** Throws `SettingsError` if there is a fault. */
export function refuse(faults: readonly string[]): void {
  if (faults.length > 0)
    throw new SettingsError(`Settings to correct (see docs/deploy.md):\n- ${faults.join('\n- ')}`);
}

function* misspelt(context: Readonly<Record<string, unknown>>): Generator<string> {
  for (const key of Object.keys(context)) {
    if (settingNames.includes(key)) yield `"${key}" lacks its prefix: write "${settingPrefix}${key}".`;
    if (key.startsWith(settingPrefix) && !settingNames.includes(key.slice(settingPrefix.length))) {
      yield `There is no setting "${key}": write one of ${settingNames.join(', ')} after "${settingPrefix}".`;
    }
  }
}

/** Settings that are right alone and wrong together. */
function* unfit(settings: Settings): Generator<string> {
  if (settings.issuer !== undefined && settings.audience === undefined) {
    yield `${settingPrefix}issuer needs ${settingPrefix}audience: write the \`aud\` of your tokens, or anyone's token of that issuer would do.`;
  }
  if (settings.issuer === undefined && (settings.audience ?? settings.jwksUri) !== undefined) {
    yield `${settingPrefix}audience and ${settingPrefix}jwksUri go with ${settingPrefix}issuer: write it as well, or leave all three out for a Cognito pool.`;
  }
  if (settings.issuer === undefined && settings.tokenScope !== undefined) {
    yield `${settingPrefix}tokenScope goes with ${settingPrefix}issuer: the ID tokens of the Cognito pool have no scope, and nobody could connect. Write both, or leave ${settingPrefix}tokenScope out.`;
  }
  if (settings.issuer !== undefined && settings.selfSignUp) {
    yield `${settingPrefix}selfSignUp is for the Cognito pool, which ${settingPrefix}issuer replaces: leave one of them out.`;
  }
  if ((settings.domainName === undefined) !== (settings.certificateArn === undefined)) {
    yield `${settingPrefix}domainName and ${settingPrefix}certificateArn go together: write both or neither.`;
  }
}

/** Checked by the very code that will read it in the functions. */
function parseRateLimitOverrides(value: unknown): string {
  const json = typeof value === 'string' ? value : JSON.stringify(value);
  try {
    parseRateLimits(json);
  } catch (error) {
    throw new Error(`the changed limits as JSON: ${(error as Error).message}`);
  }
  return json;
}

/** The same: the functions read it again. */
function parseTrustedNetworkList(value: unknown): string {
  if (typeof value !== 'string') throw new Error('networks separated by commas, such as "203.0.113.0/24"');
  try {
    parseTrustedNetworks(value);
  } catch (error) {
    throw new Error(`networks separated by commas: ${(error as Error).message}`);
  }
  return value.replaceAll(/\s/g, '');
}
