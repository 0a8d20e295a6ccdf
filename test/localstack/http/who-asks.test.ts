import { expect, it } from 'vitest';
import { isLoopbackName, isProgram, nameOfHost, nameOfOrigin } from '#localstack/http/who-asks.ts';

it.each(['127.0.0.1', '127.8.9.10', 'localhost', 'LocalHost', '[::1]', 'app.localhost'])(
  '%s is of the loopback',
  (name) => {
    expect(isLoopbackName(name)).toBe(true);
  },
);

it.each([
  ...[
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example#[::1]',
    'evillocalhost',
  ],
  ...['10.0.0.1', '0.0.0.0', '128.0.0.1', '127.0.0.1\n', '[::]', '::1', '[::1]evil', 'evil[::1]', '127.evil'],
])('"%s" is not', (name) => {
  expect(isLoopbackName(name)).toBe(false);
});

it.each([
  ['localhost:4510', 'localhost'],
  ['LOCALHOST', 'localhost'],
  ['[::1]:4510', '[::1]'],
  ['[::1]', '[::1]'],
  ['evil.example:80', 'evil.example'],
])('the name in the host %s is %s', (host, name) => {
  expect(nameOfHost(host)).toBe(name);
});

it.each([
  ['http://localhost:3000', 'localhost'],
  ['https://127.0.0.1', '127.0.0.1'],
  ['http://evil.example', 'evil.example'],
])('the name in the origin %s is %s', (origin, name) => {
  expect(nameOfOrigin(origin)).toBe(name);
});

it.each(['null', '', 'file://', 'http://', 'chrome-extension://abc'])(
  'the origin "%s" has none',
  (origin) => {
    expect(nameOfOrigin(origin)).toBeUndefined();
  },
);

it('two origins at once are not one of the loopback', () => {
  expect(isLoopbackName(nameOfOrigin('http://evil.example, http://localhost') ?? '')).toBe(false);
  expect(isLoopbackName(nameOfOrigin('http://evil.example,.localhost') ?? '')).toBe(false);
});

it.each([
  [{ host: '127.0.0.1:80' }, true],
  [{ host: 'localhost' }, true],
  [{}, false],
  [{ host: 'evil.example' }, false],
  [{ host: '127.0.0.1:80', origin: 'http://127.0.0.1:80' }, false],
  [{ host: '127.0.0.1:80', origin: 'null' }, false],
  [{ host: '127.0.0.1:80', origin: '' }, false],
])('%o is asked by a program: %s', (headers, answer) => {
  expect(isProgram({ headers })).toBe(answer);
});
