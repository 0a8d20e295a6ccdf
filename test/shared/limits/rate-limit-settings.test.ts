import { describe, expect, it } from 'vitest';
import { parseRateLimits } from '#shared/limits/rate-limit-settings.ts';
import { defaultRateLimits } from '#shared/limits/rate-limits.ts';

describe('parseRateLimits', () => {
  it.each([undefined, '', ' ', '{}'])('gives the defaults for %j', (json) => {
    expect(parseRateLimits(json)).toEqual(defaultRateLimits);
  });

  it('changes what it is told and nothing else', () => {
    const limits = parseRateLimits(
      '{"messagesPerUser":{"burst":60,"refillPerSecond":10},"requestsPerUser":{"refillPerSecond":2.5}}',
    );
    expect(limits).toEqual({
      ...defaultRateLimits,
      messagesPerUser: { ...defaultRateLimits.messagesPerUser, burst: 60, refillPerSecond: 10 },
      requestsPerUser: { ...defaultRateLimits.requestsPerUser, refillPerSecond: 2.5 },
    });
    expect(defaultRateLimits.messagesPerUser.burst).toBe(30);
  });

  it('takes the extremes', () => {
    const limits = parseRateLimits(
      '{"messagesPerUser":{"burst":1000000,"refillPerSecond":100000},"messagesPerAddress":{"burst":1,"refillPerSecond":0.001},"requestsPerUser":{"burst":21}}',
    );
    expect(limits.messagesPerUser).toMatchObject({ burst: 1_000_000, refillPerSecond: 100_000 });
    expect(limits.messagesPerAddress).toMatchObject({ burst: 1, refillPerSecond: 0.001 });
  });

  it.each([
    ['{"messagesPerUser"', 'is not JSON'],
    ['[]', 'the setting is []; write a JSON object'],
    ['null', 'the setting is null; write a JSON object'],
    ['7', 'the setting is 7; write a JSON object'],
    [
      '{"messagePerUser":{}}',
      'there is no limit "messagePerUser"; the limits are messagesPerUser, messagesPerAddress',
    ],
    ['{"__proto__":{"burst":1}}', 'there is no limit "__proto__"'],
    ['{"toString":{}}', 'there is no limit "toString"'],
    ['{"messagesPerUser":60}', 'messagesPerUser is 60; write a JSON object'],
    ['{"messagesPerUser":{"refill":1}}', 'messagesPerUser has no setting "refill"'],
    ['{"messagesPerUser":{"whenStoreFails":"open"}}', 'messagesPerUser has no setting "whenStoreFails"'],
    ['{"messagesPerUser":{"burst":0}}', 'messagesPerUser.burst is 0; write a whole number from 1 to 1000000'],
    ['{"messagesPerUser":{"burst":1.5}}', 'messagesPerUser.burst is 1.5'],
    ['{"messagesPerUser":{"burst":"60"}}', 'messagesPerUser.burst is "60"'],
    ['{"messagesPerUser":{"burst":1000001}}', 'messagesPerUser.burst is 1000001'],
    [
      '{"requestsPerUser":{"burst":20}}',
      'write a whole number from 21 (the heaviest request takes 21) to 1000000',
    ],
    [
      '{"messagesPerUser":{"refillPerSecond":0}}',
      'messagesPerUser.refillPerSecond is 0; write a number above 0',
    ],
    ['{"messagesPerUser":{"refillPerSecond":-5}}', 'messagesPerUser.refillPerSecond is -5'],
    ['{"messagesPerUser":{"refillPerSecond":1e999}}', 'messagesPerUser.refillPerSecond is'],
    ['{"messagesPerUser":{"refillPerSecond":100001}}', 'messagesPerUser.refillPerSecond is 100001'],
    ['{"messagesPerUser":{"refillPerSecond":null}}', 'messagesPerUser.refillPerSecond is null'],
    ['{"messagesPerUser":{"refillPerSecond":0.0001}}', 'more than a day to refill 30 at 0.0001 a second'],
  ])('refuses %s and says what to write', (json, message) => {
    expect(() => parseRateLimits(json)).toThrow(message);
    expect(() => parseRateLimits(json)).toThrow(/^RATE_LIMITS: .*For example: RATE_LIMITS=\{/);
  });
});
