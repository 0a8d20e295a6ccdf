import { expect, it } from 'vitest';
import { readStartSettings, type StartSettings } from '#localstack/stack/start-settings.ts';

it.each<[Record<string, string>, StartSettings]>([
  [{}, { port: 4510, host: undefined, dataDir: undefined, rateLimits: undefined }],
  [
    { PORT: '', HOST: '', DATA_DIR: '', RATE_LIMITS: '' },
    { port: 4510, host: undefined, dataDir: undefined, rateLimits: undefined },
  ],
  [
    { PORT: '0', DATA_DIR: './data' },
    { port: 0, host: undefined, dataDir: './data', rateLimits: undefined },
  ],
  [
    { RATE_LIMITS: '{"messagesPerUser":{"burst":60}}' },
    { port: 4510, host: undefined, dataDir: undefined, rateLimits: '{"messagesPerUser":{"burst":60}}' },
  ],
  [{ PORT: '65535' }, { port: 65_535, host: undefined, dataDir: undefined, rateLimits: undefined }],
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
