/** `npm run chaos -- --seed N --minutes M`; `--help` says the rest. */
import { relative } from 'node:path';
import { optionsOrExit } from '#infra/command-line.ts';
import { type ChaosProgress, runChaos } from './chaos.ts';
import { faultKinds } from './kinds.ts';
import { parseOptions, usage } from './options.ts';
import { countByKind, shortSummary } from './report.ts';

/** Between two lines where the output is no terminal. */
const lineEveryMs = 30_000;

const out = (text: string) => void process.stdout.write(text);
const isTerminal = process.stdout.isTTY === true;
let lastLineAt = Date.now();

process.exitCode = await main();

async function main(): Promise<number> {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => ending.abort(signal));
  const options = optionsOrExit(parseOptions, usage);
  const faults =
    options.faults.length < faultKinds.length ? ` --faults ${options.faults.join(',') || 'none'}` : '';
  const command = `npm run chaos -- --seed ${options.seed} --minutes ${options.minutes} --users ${options.users}${faults}`;
  try {
    out(`${command}\n`);
    const record = await runChaos(options, { command, signal: ending.signal, onProgress: show });
    clearLine();
    out(`${shortSummary(record)}\nreport: ${relative('', record.directory)}/report.md\n`);
    return record.findings.length > 0 ? 1 : 0;
  } catch (error) {
    clearLine();
    if (ending.signal.aborted) {
      out('ended before its time; nothing was judged\n');
      return 130;
    }
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    return 2;
  }
}

function show(progress: ChaosProgress): void {
  const { phase, seconds, operations, confirmed, faults, findings } = progress;
  const kinds = countByKind(faults).map(([kind, count]) => `${kind} ${count}`);
  const line = `${phase} ${Math.round(seconds)} s: ${operations} operations, ${confirmed} confirmed; ${kinds.join(', ') || 'no faults yet'}${findings > 0 ? `; ${findings} FINDINGS` : ''}`;
  if (isTerminal) {
    clearLine();
    out(line.slice(0, (process.stdout.columns ?? 80) - 1));
  } else if (Date.now() - lastLineAt > lineEveryMs) {
    lastLineAt = Date.now();
    out(`${line}\n`);
  }
}

function clearLine(): void {
  if (isTerminal) out('\r\u001b[K');
}
