import { expect, it } from 'vitest';
import { readStartSettings, type StartSettings } from '#localstack/stack/start-settings.ts';

const usual = {
  port: 4510,
  host: undefined,
  dataDir: undefined,
  rateLimits: undefined,
  trustedNetworks: undefined,
};

it.each<[Record<string, string>, StartSettings]>([
  [{}, usual],
  [{ PORT: '', HOST: '', DATA_DIR: '', RATE_LIMITS: '', TRUSTED_NETWORKS: '' }, usual],
  [
    { PORT: '0', DATA_DIR: './data' },
    { ...usual, port: 0, dataDir: './data' },
  ],
  [
    { RATE_LIMITS: '{"messagesPerUser":{"burst":60}}' },
    { ...usual, rateLimits: '{"messagesPerUser":{"burst":60}}' },
  ],
  [{ TRUSTED_NETWORKS: '203.0.113.0/24' }, { ...usual, trustedNetworks: '203.0.113.0/24' }],
  [{ PORT: '65535' }, { ...usual, port: 65_535 }],
])('reads %o', (environment, settings) => {
  expect(readStartSettings(environment)).toEqual(settings);
});

it.each([['--port', '1'], ['--help'], ['4511'], ['']])('refuses arguments: %s %s', (...args) => {
  expect(() =>
    readStartSettings(
      {},
      args.filter((arg) => arg !== undefined),
    ),
  ).toThrow(
    /^It takes no arguments, and was given ".*"\. Its settings are variables of the environment: PORT, /,
  );
});

it.each(['65536', '-1', '80a', '1e3', ' 80', '4510.0', '0x50', '999999'])(
  'refuses PORT=%s and says what to write',
  (PORT) => {
    expect(() => readStartSettings({ PORT })).toThrow(
      `PORT must be a whole number from 0 (any free port) to 65535, and it is "${PORT}".`,
    );
  },
);

it.each(['192.168.1.5', '0.0.0.0', '::', 'fe80::1', 'my-machine.local', 'LAPTOP'])(
  'reads HOST=%s',
  (HOST) => {
    expect(readStartSettings({ HOST }).host).toBe(HOST);
  },
);

it.each(['http://my-machine.local', '192.168.1.5:4510', '[::1]', 'a b', ' ', '*', '.local', 'name.'])(
  'refuses HOST=%s and says what to write',
  (HOST) => {
    expect(() => readStartSettings({ HOST })).toThrow(
      `HOST must be an address or a name, without a scheme or a port, and it is "${HOST}".`,
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
