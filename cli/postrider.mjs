#!/usr/bin/env node
/**
 * `npx postrider …`, by whatever Node there is from version 20 on. The program is TypeScript, which Node 24 runs as it
 * is; an older one hands over to the Node 24 that is among the project's packages.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const node24 = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

if (main.split(sep).includes('node_modules')) {
  fail('Node runs no TypeScript inside node_modules. Clone the repository, and run npx postrider there.');
} else if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import('./main.ts');
} else if (existsSync(node24)) {
  handOver();
} else {
  fail(
    `This is Node ${process.versions.node}, and 24 is needed. Install it with the other packages: npm install`,
  );
}

function handOver() {
  const child = spawn(node24, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  // A terminal gives Ctrl-C to both, and twice would mean something else.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => fail(`${node24} does not start: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
