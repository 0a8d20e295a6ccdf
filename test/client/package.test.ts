import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
/** A project of its own, outside of this one. */
const project = mkdtempSync(join(tmpdir(), 'postrider-client-'));

beforeAll(async () => {
  const { stdout } = await run(process.execPath, ['client/package/pack.ts', '--out', project], { cwd: root });
  expect(stdout).toMatch(/^Install it with: npm install \S+postrider-client-\d+\.\d+\.\d+\.tgz\n$/);
  writeFileSync(join(project, 'package.json'), '{"type": "module"}');
  const tarball = join(root, stdout.trim().split(' ').at(-1) ?? '');
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: project });
}, 120_000);
afterAll(() => rmSync(project, { recursive: true }));

test('a project of its own installs the SDK and imports it', async () => {
  const code = `import * as sdk from 'postrider-client'; console.log(Object.keys(sdk).sort().join(' '));`;
  writeFileSync(join(project, 'use.mjs'), code);

  const { stdout } = await run(process.execPath, ['use.mjs'], { cwd: project });

  expect(stdout).toBe('PostriderError createClient webOutboxStorage\n');
});

test('it says which Node it needs; runtimes.test.ts holds that', () => {
  const manifest = readFileSync(join(project, 'node_modules/postrider-client/package.json'), 'utf8');
  expect(JSON.parse(manifest).engines).toEqual({ node: '>=18' });
});

test.each([
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])(
  'its types are whole, with module %s',
  async (module, moduleResolution) => {
    writeFileSync(
      join(project, 'use.ts'),
      `import { type ClientOptions, createClient, type Message, PostriderError, webOutboxStorage } from 'postrider-client';
const storage = webOutboxStorage(localStorage, 'outbox');
const options: ClientOptions = { url: 'wss://host/stage', getToken: () => 'token', storage };
const client = createClient(options);
client.on('message', ({ seq, content }) => console.log(seq + 1, content.length));
client.on('error', (error) => error instanceof PostriderError && error.remedy.length);
export const sent: Promise<Message> = client.send({ recipientId: 'bob', content: 'hi' });
// @ts-expect-error: a message has a content.
client.send({ recipientId: 'bob' });
`,
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const settings = ['--strict', '--noEmit', '--lib', 'es2024,dom', '--module', module];

    // Without skipLibCheck: also what the types import has to be there.
    await run(process.execPath, [tsc, ...settings, '--moduleResolution', moduleResolution, 'use.ts'], {
      cwd: project,
    });
  },
  60_000,
);
