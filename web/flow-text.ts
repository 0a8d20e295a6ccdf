import type { Flow, Step } from '../localstack/inspector/flow.ts';

const services: Readonly<Record<string, string>> = {
  dynamodb: 'DynamoDB',
  sqs: 'SQS',
  kms: 'KMS',
  events: 'EventBridge',
  connections: 'API Gateway',
  cache: 'Valkey',
};

export function serviceName(service: string): string {
  return services[service] ?? service;
}

/** `0.8 ms`, `130 ms`, `10.2 s`. */
export function duration(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** What a million of them cost, in US dollars; `<$0.01` for what is not nothing. */
export function dollars(perMillion: number): string {
  return perMillion > 0 && perMillion < 0.005 ? '<$0.01' : `$${perMillion.toFixed(2)}`;
}

/** `1 call`, `3 calls`. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}

/** `10 AWS calls + 1 cache call`: the cache is no service that charges by the call, and docs count without it. */
function callsText({ steps }: Flow): string {
  const ofCache = steps.filter(({ service }) => service === 'cache').length;
  const ofAws = count(steps.length - ofCache, 'AWS call');
  return ofCache === 0 ? ofAws : `${ofAws} + ${count(ofCache, 'cache call')}`;
}

export function bytes(number: number): string {
  return number < 1_024 ? `${number} B` : `${(number / 1_024).toFixed(1)} KB`;
}

/** What the request was, and whose: `alice: send`, `later delivery`. */
export function flowTitle({ functionName, routeKey, userId }: Flow): string {
  if (functionName === 'deliver') return 'later delivery';
  const what = routeKey ?? functionName;
  return userId === undefined ? what : `${userId}: ${what}`;
}

/** The list's line beside the title. */
export function flowSummary(flow: Flow): string {
  const { tookMs, outcome, dollarsPerMillion } = flow;
  if (tookMs === undefined) return 'under way …';
  const ending = outcome === 'failed' ? 'failed after ' : '';
  const refusal = flow.answer?.startsWith('error ') ? `${flow.answer} · ` : '';
  return `${refusal}${callsText(flow)} · ${ending}${duration(tookMs)} · ${dollars(dollarsPerMillion)}`;
}

/** `UpdateItem rateLimits`, `message.new to bob`. */
export function stepLabel({ service, operation, about, found }: Step): string {
  if (service === 'connections' && about !== '')
    return operation === 'PostToConnection' ? about : `${operation} ${about}`;
  const looked = found === undefined ? '' : ` (found ${found})`;
  return `${operation} ${about}`.trim() + looked;
}

/** What became of it, where that is not simply its success. */
export function stepTrouble({ status, refusal }: Step): string {
  return status === 'cut' ? 'no answer' : (refusal ?? '').replace(/Exception$/, '');
}

/** `2 WU` for write, `0.5 RU` for read units; empty for what is not counted in them. */
export function stepUnits({ readUnits = 0, writeUnits = 0 }: Step): string {
  if (writeUnits > 0) return `${writeUnits} WU`;
  return readUnits > 0 ? `${readUnits} RU` : '';
}

/** Which tier the messages of an answer came from; empty where it had none. */
export function tiersText({ tiers }: Flow): string {
  if (tiers === undefined) return '';
  const { told, fromCache, fromDatabase } = tiers;
  const fromMemory = told - fromCache - fromDatabase;
  const sources = [
    [fromMemory, 'memory'],
    [fromCache, 'the cache'],
    [fromDatabase, 'the database'],
  ] as const;
  const named = sources.filter(([number]) => number > 0).map(([number, name]) => `${number} from ${name}`);
  return `${count(told, 'message')} read: ${named.join(', ')}`;
}

/** What the later look at a message came to. */
export function laterText({ steps }: Flow): string {
  const post = steps.find(({ service }) => service === 'connections');
  if (post) return `posted ${post.about}`;
  if (steps.some(({ service }) => service === 'events')) return 'published a notification';
  return 'nothing was left to do';
}

/** All of it, in a line. */
export function totalsText(flow: Flow): string {
  const { steps, dollarsPerMillion } = flow;
  const trips = Math.max(0, ...steps.map(({ roundTrip = 0 }) => roundTrip));
  const sum = (kind: 'readUnits' | 'writeUnits') =>
    steps.reduce((total, step) => total + (step[kind] ?? 0), 0);
  return [
    callsText(flow),
    count(trips, 'round trip'),
    count(sum('readUnits'), 'read unit'),
    count(sum('writeUnits'), 'write unit'),
    `${dollars(dollarsPerMillion)} for a million`,
  ].join(' · ');
}
