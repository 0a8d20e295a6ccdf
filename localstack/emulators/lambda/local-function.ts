import { randomUUID } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { makeTraceId } from '#localstack/emulators/lambda/trace-id.ts';
import { type ExecutionEnvironment, startExecutionEnvironment } from './execution-environment.ts';
import type { RuntimeError } from './runtime-messages.ts';

export interface LocalFunctionOptions {
  readonly name: string;
  /** The bundle: an ES module that exports `handler`. */
  readonly file: string;
  /** What `bundleRuntime` made. Its source by default, which needs no bundle and more memory. */
  readonly runtime?: URL;
  /** All that the code sees in `process.env`, beside what Lambda itself sets. Nothing of this process leaks in. */
  readonly environment: Readonly<Record<string, string>>;
  /** What one execution environment sees besides. */
  environmentOf?(environmentId: string): Readonly<Record<string, string>>;
  /** Milliseconds for one invocation; 29,000 by default, as long as API Gateway waits. */
  readonly timeoutMs?: number;
  /** Invocations beyond this many wait their turn; 3 by default. */
  readonly maxEnvironments?: number;
  /** Milliseconds after which an unused environment goes; five minutes by default, about what Lambda gives. */
  readonly idleMs?: number;
  /** Everything that the code writes to stdout and stderr, line by line. */
  onLog?(line: string): void;
  readonly observer?: InvocationObserver;
}

/** One invocation, as far as it has got. */
export interface ObservedInvocation {
  readonly functionName: string;
  /** Lambda's: the `awsRequestId` of the context. */
  readonly requestId: string;
  /** `Root=…`, which every AWS call of the invocation carries in its `X-Amzn-Trace-Id`. */
  readonly trace: string;
  readonly event: unknown;
  /** Of its execution environment. */
  readonly environmentId: string;
  /** Whether that one was made for it. */
  readonly coldStart: boolean;
}

export interface InvocationObserver {
  /** An environment has it. */
  started?(invocation: ObservedInvocation): void;
  /** `result` is what the handler returned, as JSON. */
  ended?(invocation: ObservedInvocation, outcome: 'returned' | 'failed', result?: string): void;
}

export interface LocalFunction {
  /**
   * Runs the handler and resolves with what it returned, both ways as JSON.
   * Throws `FunctionError` where Lambda would answer with a function error.
   */
  invoke(event: unknown): Promise<unknown>;
  /** How many execution environments live now. */
  readonly environments: number;
  /** Terminates every environment, in the middle of a call too. Invocations that still wait run in new ones. */
  kill(): Promise<void>;
  /** Terminates everything and refuses what comes later. */
  stop(): Promise<void>;
}

/** What a handler threw, or what became of its environment. The message is the Lambda's errorMessage. */
export class FunctionError extends Error {
  /** The name of what was thrown, or for instance `Sandbox.Timedout`, `Runtime.ExitError`. */
  readonly errorType: string;
  /** The stack inside the function, for people: never for a client. */
  readonly trace: readonly string[];

  constructor({ errorType, errorMessage, trace }: RuntimeError) {
    super(errorMessage);
    this.name = 'FunctionError';
    this.errorType = errorType;
    this.trace = trace;
  }
}

interface WaitingInvocation {
  readonly event: unknown;
  readonly json: string;
  resolve(result: unknown): void;
  reject(error: FunctionError): void;
}

interface TakenEnvironment {
  readonly environment: ExecutionEnvironment;
  readonly environmentId: string;
  readonly coldStart: boolean;
}

interface IdleEnvironment {
  readonly environment: ExecutionEnvironment;
  readonly environmentId: string;
  readonly reaper: NodeJS.Timeout;
}

/**
 * A Lambda function on worker threads, by a Lambda's rules: one call at a time in an environment, memory kept between
 * calls, a frozen environment after each, more of them when all are busy. It does not keep the process alive when idle.
 *
 * Two things differ: beyond `maxEnvironments` an invocation waits, first come first served, where Lambda answers 429;
 * and the time zone is that of the machine, since a thread cannot have its own.
 */
export function createLocalFunction(options: LocalFunctionOptions): LocalFunction {
  const { maxEnvironments = 3, idleMs = 300_000, timeoutMs = 29_000 } = options;
  const environments = new Set<ExecutionEnvironment>();
  const waiting: WaitingInvocation[] = [];
  /** A stack: the last used serves next, so that the others grow old and go. */
  let idle: IdleEnvironment[] = [];
  let stopped = false;

  function start(): TakenEnvironment {
    const environmentId = randomUUID();
    const { env, ...rest } = identity(options);
    const environment = startExecutionEnvironment({
      ...rest,
      ...(options.runtime && { runtime: options.runtime }),
      env: { ...env, ...options.environmentOf?.(environmentId) },
      timeoutMs,
      onLog: (line) => options.onLog?.(line),
      onEnd() {
        environments.delete(environment);
        withdraw(environment);
      },
    });
    environments.add(environment);
    return { environment, environmentId, coldStart: true };
  }

  function withdraw(environment: ExecutionEnvironment): void {
    for (const entry of idle) if (entry.environment === environment) clearTimeout(entry.reaper);
    idle = idle.filter((entry) => entry.environment !== environment);
  }

  function takeEnvironment(): TakenEnvironment | undefined {
    const warm = idle.pop();
    if (warm !== undefined) {
      clearTimeout(warm.reaper);
      return { ...warm, coldStart: false };
    }
    return environments.size < maxEnvironments ? start() : undefined;
  }

  function giveBack({ environment, environmentId }: TakenEnvironment): void {
    const reaper = setTimeout(() => void terminate(environment), idleMs).unref();
    idle.push({ environment, environmentId, reaper });
  }

  function terminate(environment: ExecutionEnvironment): Promise<void> {
    withdraw(environment);
    return environment.terminate();
  }

  async function terminateAll(): Promise<void> {
    await Promise.all([...environments].map(terminate));
  }

  function dispatch(): void {
    while (waiting.length > 0) {
      const taken = takeEnvironment();
      if (taken === undefined) return;
      const invocation = waiting.shift();
      if (invocation !== undefined) serve(taken, invocation);
    }
  }

  function serve(taken: TakenEnvironment, { event, json, resolve, reject }: WaitingInvocation): void {
    const { environment, environmentId, coldStart } = taken;
    const [requestId, trace] = [randomUUID(), makeTraceId(Date.now())];
    const observed = { functionName: options.name, requestId, trace, event, environmentId, coldStart };
    options.observer?.started?.(observed);
    environment.run({ requestId, trace, event: json }, (outcome) => {
      if ('payload' in outcome) options.observer?.ended?.(observed, 'returned', outcome.payload);
      else options.observer?.ended?.(observed, 'failed');
      if (environments.has(environment)) giveBack(taken);
      if ('payload' in outcome) resolve(JSON.parse(outcome.payload));
      else reject(new FunctionError(outcome.error));
      dispatch();
    });
  }

  return {
    invoke(event) {
      return new Promise((resolve, reject) => {
        if (stopped) return reject(stoppedError(options.name));
        waiting.push({ event, json: JSON.stringify(event) ?? 'null', resolve, reject });
        dispatch();
      });
    },
    get environments() {
      return environments.size;
    },
    kill: terminateAll,
    async stop() {
      stopped = true;
      for (const { reject } of waiting.splice(0)) reject(stoppedError(options.name));
      await terminateAll();
    },
  };
}

function identity({ name, file, environment }: LocalFunctionOptions) {
  const region = environment.AWS_REGION ?? 'us-east-1';
  const directory = dirname(resolve(file));
  return {
    functionName: name,
    functionArn: `arn:aws:lambda:${region}:000000000000:function:${name}`,
    file: resolve(file),
    env: {
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: 'local',
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      LAMBDA_TASK_ROOT: directory,
      _HANDLER: 'index.handler',
      // The SDK looks for ~/.aws, and a developer's profile must not reach the function.
      HOME: directory,
      ...environment,
    },
  };
}

function stoppedError(name: string): FunctionError {
  const errorMessage = `The local function ${name} was stopped.`;
  return new FunctionError({ errorType: 'Local.Stopped', errorMessage, trace: [] });
}
