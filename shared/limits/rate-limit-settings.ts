import { defaultRateLimits, type RateLimit, type RateLimitName, type RateLimits } from './rate-limits.ts';

const example = 'RATE_LIMITS={"messagesPerUser":{"burst":60,"refillPerSecond":10}}';
const names = Object.keys(defaultRateLimits).join(', ');

/** Above it the whole microseconds of the algorithm become too coarse (10 of them at this rate). */
const fastestRefillPerSecond = 100_000;
const largestBurst = 1_000_000;
/** Rows live until a budget is full again, and settings are changed more often than once a day. */
const longestRefillSeconds = 86_400;

type Changes = { -readonly [key in 'burst' | 'refillPerSecond']?: number };

/**
 * The limits to use, from the setting `RATE_LIMITS`: the defaults, changed where it says so.
 *
 * @param json such as `{"messagesPerUser":{"burst":60,"refillPerSecond":10}}`; undefined or empty: the defaults
 * @throws Error that names what is wrong and says what to write
 */
export function parseRateLimits(json: string | undefined): RateLimits {
  const limits: Record<RateLimitName, RateLimit> = { ...defaultRateLimits };
  if (json === undefined || json.trim() === '') return limits;
  for (const [name, value] of Object.entries(objectOf(parseJson(json), 'the setting'))) {
    if (!isRateLimitName(name))
      throw wrong(`there is no limit ${JSON.stringify(name)}; the limits are ${names}`);
    const limit = { ...defaultRateLimits[name], ...changesOf(name, objectOf(value, name)) };
    checkRefillTime(name, limit);
    limits[name] = limit;
  }
  return limits;
}

function changesOf(name: RateLimitName, fields: Record<string, unknown>): Changes {
  const changes: Changes = {};
  for (const [field, value] of Object.entries(fields)) {
    if (field === 'burst') changes.burst = burstOf(name, value);
    else if (field === 'refillPerSecond') changes.refillPerSecond = refillOf(name, value);
    else {
      throw wrong(
        `${name} has no setting ${JSON.stringify(field)}; its settings are burst and refillPerSecond`,
      );
    }
  }
  return changes;
}

function burstOf(name: RateLimitName, value: unknown): number {
  const least = defaultRateLimits[name].heaviestCost;
  const isWhole = typeof value === 'number' && Number.isInteger(value);
  if (isWhole && value >= least && value <= largestBurst) return value;
  const why = least > 1 ? ` (the heaviest request takes ${least})` : '';
  const range = `a whole number from ${least}${why} to ${largestBurst}`;
  throw wrong(`${name}.burst is ${JSON.stringify(value)}; write ${range}`);
}

function refillOf(name: RateLimitName, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value <= fastestRefillPerSecond) return value;
  throw wrong(
    `${name}.refillPerSecond is ${JSON.stringify(value)}; write a number above 0 and up to ${fastestRefillPerSecond}`,
  );
}

function checkRefillTime(name: RateLimitName, { burst, refillPerSecond }: RateLimit): void {
  if (burst / refillPerSecond <= longestRefillSeconds) return;
  throw wrong(
    `${name} would take more than a day to refill ${burst} at ${refillPerSecond} a second; ` +
      'write a smaller burst or a larger refillPerSecond',
  );
}

function isRateLimitName(name: string): name is RateLimitName {
  return Object.hasOwn(defaultRateLimits, name);
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw wrong(`${what} is ${JSON.stringify(value)}; write a JSON object`);
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw wrong(`${JSON.stringify(json)} is not JSON`, cause);
  }
}

function wrong(what: string, cause?: unknown): Error {
  return new Error(`RATE_LIMITS: ${what}. For example: ${example}`, { cause });
}
