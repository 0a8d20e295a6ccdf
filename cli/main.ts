/** `npx postrider …` or `npm run cli -- …`: Postrider from the terminal. */
import { exitCodes } from './errors.ts';
import { run } from './run.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
    interrupt.abort();
  });
for (const stream of [process.stdout, process.stderr])
  stream.on('error', () => process.exit(exitCodes.brokenPipe));

const { stdin, stdout, stderr, env } = process;
// What is still open must not keep the shell waiting.
process.exit(await run(process.argv.slice(2), { stdin, stdout, stderr, env, interrupted: interrupt.signal }));
