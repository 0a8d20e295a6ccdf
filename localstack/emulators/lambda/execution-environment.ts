import { Worker } from 'node:worker_threads';
import type { Invocation, RuntimeData, RuntimeError, RuntimeMessage } from './runtime-messages.ts';

/** Lambda's own limit for loading a function, which does not count against the function's time-out. */
const initLimitMs = 10_000;

/** A result as JSON, or the error document. */
export type Outcome = { readonly payload: string } | { readonly error: RuntimeError };

export interface ExecutionEnvironmentOptions {
  readonly functionName: string;
  readonly functionArn: string;
  readonly file: string;
  /** The body of the thread; `runtime.ts` by default. */
  readonly runtime?: URL;
  /** All that the code sees in `process.env`. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  onLog(line: string): void;
  /** The thread is gone, whatever the reason. Comes before the outcome of the invocation that went with it. */
  onEnd(): void;
}

export interface ExecutionEnvironment {
  /** Runs one invocation; the caller waits for `done` before the next one. */
  run(invocation: Invocation, done: (outcome: Outcome) => void): void;
  /** Ends the thread wherever it is, frozen or in the middle of a call, and resolves when it is gone. */
  terminate(): Promise<void>;
}

/** Starts a worker thread that loads the bundle and waits, frozen, for its first invocation. */
export function startExecutionEnvironment(options: ExecutionEnvironmentOptions): ExecutionEnvironment {
  const { functionName, functionArn, file, timeoutMs } = options;
  const runtime = options.runtime ?? new URL('./runtime.ts', import.meta.url);
  const wake = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const data: RuntimeData = { file, functionName, functionArn, timeoutMs, wake };
  const worker = new Worker(runtime, {
    name: functionName,
    workerData: data,
    env: { ...options.env },
    // The flags of this process (a test runner's loaders, an inspector) are none of the function's business.
    execArgv: [],
    // V8 would let each thread gather up to 48 MB of young garbage before it collects any.
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  });

  let current: { readonly requestId: string; done(outcome: Outcome): void } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let initialised = false;
  /** Once set, the thread is on its way out and this is why. */
  let fate: RuntimeError | undefined;

  function settle(outcome: Outcome): void {
    clearTimeout(timer);
    const settled = current;
    current = undefined;
    settled?.done(outcome);
  }

  function end(reason: string, errorType: string): Promise<unknown> {
    fate ??= { errorType, errorMessage: `RequestId: ${current?.requestId} Error: ${reason}`, trace: [] };
    return worker.terminate();
  }

  function startTimer(limitMs: number): void {
    clearTimeout(timer);
    const reason = `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
    timer = setTimeout(() => void end(reason, 'Sandbox.Timedout'), limitMs);
  }

  worker.on('message', (message: RuntimeMessage) => {
    if (message.type === 'log') return options.onLog(message.line);
    if (fate !== undefined) return;
    if (message.type === 'initialised') {
      initialised = true;
      if (current !== undefined) startTimer(timeoutMs);
    } else if (message.type === 'crash') {
      fate = message.error;
    } else {
      // A frozen environment is no reason for the process to stay.
      worker.unref();
      settle(message.type === 'result' ? { payload: message.payload } : { error: message.error });
    }
  });
  worker.on('error', (error) => {
    fate ??= { errorType: 'Runtime.ExitError', errorMessage: String(error), trace: [] };
  });
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      const error = fate ?? exitError(current?.requestId, code);
      fate = error;
      options.onEnd();
      settle({ error });
      resolve();
    });
  });

  return {
    run(invocation, done) {
      current = { requestId: invocation.requestId, done };
      worker.ref();
      startTimer(initialised ? timeoutMs : initLimitMs + timeoutMs);
      worker.postMessage(invocation);
      Atomics.store(wake, 0, 1);
      Atomics.notify(wake, 0);
    },
    async terminate() {
      await end('Runtime exited with error: signal: killed', 'Runtime.ExitError');
      await ended;
    },
  };
}

function exitError(requestId: string | undefined, code: number): RuntimeError {
  const reason = code === 0 ? 'without providing a reason' : `with error: exit status ${code}`;
  const errorMessage = `RequestId: ${requestId} Error: Runtime exited ${reason}`;
  return { errorType: 'Runtime.ExitError', errorMessage, trace: [] };
}
