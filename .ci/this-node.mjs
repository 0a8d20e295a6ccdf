// What the README promises of the Node that the machine has, 20 or later: `npm start` gets ready, the terminal client
// sends through it, and from Node 22 on the packed SDK does so too. Run by `.ci/run`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'postrider-node-'));
/** @param {string} name @param {string} outcome */
const tell = (name, outcome) => console.log(`Node ${process.versions.node}, ${name}: ${outcome}`);

// A group of its own, because Ctrl-C ends all of it.
const stack = spawn('npm', ['start'], {
  cwd: root,
  detached: true,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, PORT: '0' },
});
// What never comes must not hold CI up.
const deadline = setTimeout(() => {
  tell('all of it', 'not done after 5 minutes');
  if (stack.pid !== undefined) process.kill(-stack.pid, 'SIGKILL');
  process.exit(1);
}, 300_000);
try {
  const host = await whenReady();
  tell('npm start', `ready at ${host}`);
  const sent = run(process.execPath, [
    'cli/postrider.mjs',
    'send',
    'alice',
    'bob',
    'one',
    '--url',
    `ws://${host}/local`,
  ]);
  tell('npx postrider', sent.trim());
  if (Number.parseInt(process.versions.node, 10) >= 22) tell('the SDK', await sendBySdk(host));
} finally {
  await stop();
  clearTimeout(deadline);
  rmSync(project, { recursive: true });
}

/** @param {string} program @param {string[]} args */
function run(program, args, cwd = root) {
  return execFileSync(program, args, { cwd, encoding: 'utf8', timeout: 120_000 });
}

/** The host and port of the stack, once it says that it is ready. */
async function whenReady() {
  let host = '';
  for await (const line of createInterface({ input: stack.stdout })) {
    host ||= /http:\/\/([\d.]+:\d+)/.exec(line)?.[1] ?? '';
    if (line.startsWith('ready')) return host;
  }
  throw new Error('npm start ended before it was ready.');
}

/** What bob gets of what alice sends, each by the package that a project of its own would install. @param {string} host */
async function sendBySdk(host) {
  const [tarball = ''] = run('npm', ['run', '--silent', 'client:pack', '--', '--out', project])
    .split(' ')
    .slice(-1);
  writeFileSync(join(project, 'package.json'), '{"type": "module"}');
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(root, tarball.trim())], project);
  const { createClient } = await import(
    pathToFileURL(join(project, 'node_modules/postrider-client/index.js')).href
  );
  /** @param {string} user */
  const connect = (user) => {
    const getToken = async () => (await fetch(`http://${host}/token?user=${user}`)).text();
    const client = createClient({ url: `ws://${host}/local`, getToken, positions: {} });
    client.connect();
    return client;
  };
  const [alice, bob] = [connect('alice'), connect('bob')];
  const contents = [];
  const received = new Promise((resolve) => {
    bob.on('message', (/** @type {{ content: string }} */ { content }) => {
      contents.push(content);
      if (content === 'two') resolve(undefined);
    });
  });
  await alice.send({ recipientId: 'bob', content: 'two' });
  await received;
  alice.close();
  bob.close();
  return `bob got ${contents.join(' and ')}`;
}

async function stop() {
  if (stack.exitCode !== null || stack.pid === undefined) return;
  process.kill(-stack.pid, 'SIGINT');
  await once(stack, 'exit');
}
