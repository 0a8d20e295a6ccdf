import { expect, it } from 'vitest';
import { readStartSettings } from '#localstack/stack/start-settings.ts';

it.each([
  [{}, { port: 4510, dataDir: undefined, rateLimits: undefined, trustedNetworks: undefined }],
  [
    { PORT: '', DATA_DIR: '', RATE_LIMITS: '' },
    { port: 4510, dataDir: undefined, rateLimits: undefined, trustedNetworks: undefined },
  ],
  [
    { PORT: '0', DATA_DIR: './data' },
    { port: 0, dataDir: './data', rateLimits: undefined, trustedNetworks: undefined },
  ],
  [
    { RATE_LIMITS: '{"messagesPerUser":{"burst":60}}' },
    {
      port: 4510,
      dataDir: undefined,
      rateLimits: '{"messagesPerUser":{"burst":60}}',
      trustedNetworks: undefined,
    },
  ],
  [
    { TRUSTED_NETWORKS: '203.0.113.0/24' },
    { port: 4510, dataDir: undefined, rateLimits: undefined, trustedNetworks: '203.0.113.0/24' },
  ],
  [
    { PORT: '65535' },
    { port: 65_535, dataDir: undefined, rateLimits: undefined, trustedNetworks: undefined },
  ],
])('reads %o', (environment, settings) => {
  expect(readStartSettings(environment)).toEqual(settings);
});

it.each(['65536', '-1', '80a', '1e3', ' 80', '4510.0', '0x50', '999999'])(
  'refuses PORT=%s and says what to write',
  (PORT) => {
    expect(() => readStartSettings({ PORT })).toThrow(
      `PORT must be a whole number from 0 (any free port) to 65535, and it is "${PORT}".`,
    );
  },
);

it('refuses RATE_LIMITS that the functions would, and says what to write', () => {
  expect(() => readStartSettings({ RATE_LIMITS: '{"messages":{}}' })).toThrow(
    /^RATE_LIMITS: there is no limit "messages"; the limits are messagesPerUser, .*For example: /,
  );
});

it('refuses TRUSTED_NETWORKS that the functions would, and says what to write', () => {
  expect(() => readStartSettings({ TRUSTED_NETWORKS: 'office' })).toThrow(
    /^TRUSTED_NETWORKS: "office" is no network; .*For example: /,
  );
});
