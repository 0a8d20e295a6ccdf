import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

interface Service {
  readonly image: string;
  readonly ports: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[]; readonly retries: number };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const file = new URL('../../../localstack/localstack-in-docker/compose.yaml', import.meta.url);
const compose = parse(readFileSync(file, 'utf8'), { strict: true, uniqueKeys: true }) as Compose;
const page = readFileSync(new URL('../../../docs/localstack.md', import.meta.url), 'utf8');

function localstack(): Service {
  const { localstack: service } = compose.services;
  if (service === undefined) throw new Error('There is no service localstack.');
  return service;
}

test('it has LocalStack, and nothing else', () => {
  expect(Object.keys(compose)).toEqual(['services', 'volumes']);
  expect(Object.keys(compose.services)).toEqual(['localstack']);
  expect(Object.keys(localstack()).sort()).toEqual([
    'environment',
    'healthcheck',
    'image',
    'ports',
    'volumes',
  ]);
});

test('the image with WebSocket APIs, in a version that can be chosen', () => {
  expect(localstack().image).toMatch(/^localstack\/localstack-pro:\$\{LOCALSTACK_VERSION:-[\w.]+\}$/);
});

test('its ports are open to this machine alone', () => {
  expect(localstack().ports).toEqual(['127.0.0.1:4566:4566', '127.0.0.1:4510-4559:4510-4559']);
});

test('the token comes from outside, and without it nothing starts', () => {
  expect(localstack().environment.LOCALSTACK_AUTH_TOKEN).toMatch(/^\$\{LOCALSTACK_AUTH_TOKEN:\?[^}]+\}$/);
});

test('every value of the environment is a text, as Compose wants it', () => {
  for (const value of Object.values(localstack().environment)) expect(value).toBeTypeOf('string');
});

test('the named volume is declared, and the functions can be started', () => {
  const sources = localstack().volumes.map((volume) => volume.split(':')[0] ?? '');
  expect(sources).toContain('/var/run/docker.sock');
  const named = sources.filter((source) => !source.startsWith('/'));
  expect(named).toEqual(Object.keys(compose.volumes));
});

test('it is healthy when its own health page answers', () => {
  const [kind, program, ...args] = localstack().healthcheck.test;
  expect([kind, program]).toEqual(['CMD', 'curl']);
  expect(args).toContain('--fail');
  expect(args.at(-1)).toBe('http://127.0.0.1:4566/_localstack/health');
});

test('the page names every variable that the file takes from outside', () => {
  const text = readFileSync(file, 'utf8');
  const names = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) expect(page).toContain(`\`${name}\``);
});
