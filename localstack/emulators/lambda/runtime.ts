/**
 * The body of a worker thread that is one execution environment: loads the bundle, then serves one invocation after
 * the other, frozen in between. Error types and texts are those of Lambda's own Node.js runtime.
 */
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { redirectOutput } from './redirect-output.ts';
import { numberRoundTrips } from './round-trips.ts';
import type { Invocation, RuntimeData, RuntimeError, RuntimeMessage } from './runtime-messages.ts';

type Handler = (event: unknown, context: unknown) => unknown;

if (parentPort === null) throw new Error('runtime.ts is the body of a worker thread.');
const port = parentPort;
const data = workerData as RuntimeData;

const output = redirectOutput((line) => post({ type: 'log', line }));
const beginRoundTrips = numberRoundTrips();
let onEventLoopEmpty = (): void => {};

process.on('uncaughtException', (error) => crash('Uncaught Exception', describe(error), 129));
process.on('unhandledRejection', (reason) => {
  const error = describe(reason);
  const errorType = 'Runtime.UnhandledPromiseRejection';
  crash('Unhandled Promise Rejection', { ...error, errorType, errorMessage: String(reason) }, 128);
});
process.on('beforeExit', () => onEventLoopEmpty());

const handler = await loadHandler();
post({ type: 'initialised' });
for (;;) {
  const reply = await serve(handler, await nextInvocation());
  output.flush();
  post(reply);
}

/**
 * Freezes the thread until an invocation is there. Blocking it is the point: no timer, socket or promise that the
 * handler left behind moves on before the next call, as on Lambda.
 */
async function nextInvocation(): Promise<Invocation> {
  Atomics.wait(data.wake, 0, 0);
  Atomics.store(data.wake, 0, 0);
  // On Lambda the event arrives through the event loop, so connections that were closed meanwhile are found out first.
  // The first turn may end the round that the freeze interrupted; the second has polled.
  await eventLoopTurn();
  await eventLoopTurn();
  const received = receiveMessageOnPort(port);
  if (received === undefined) throw new Error('Woken without an invocation.');
  return received.message as Invocation;
}

async function serve(handle: Handler, invocation: Invocation): Promise<RuntimeMessage> {
  const neverSettles = new Promise<never>((_resolve, reject) => {
    // By way of the event loop, so that it runs, and empties, once more for the next invocation.
    onEventLoopEmpty = () => setImmediate(reject, unsettledPromise());
  });
  // By which the SDK names the invocation in each call that it makes.
  process.env._X_AMZN_TRACE_ID = invocation.trace;
  beginRoundTrips();
  try {
    const returned = handle(JSON.parse(invocation.event), contextOf(invocation));
    // What a handler returns that is not async is lost on Lambda too.
    const result = isPromiseLike(returned) ? await Promise.race([returned, neverSettles]) : null;
    return { type: 'result', payload: JSON.stringify(result) ?? 'null' };
  } catch (thrown) {
    const error = describe(thrown);
    // An authorizer's word for a 401 is no fault; why it was said stands in its log.
    if (error.errorMessage !== 'Unauthorized') output.line(`Invoke Error\t${JSON.stringify(error)}`);
    return { type: 'error', error };
  }
}

function contextOf({ requestId }: Invocation): unknown {
  const deadline = Date.now() + data.timeoutMs;
  return {
    awsRequestId: requestId,
    functionName: data.functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: data.functionArn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

async function loadHandler(): Promise<Handler> {
  try {
    const bundle: { handler?: unknown } = await import(pathToFileURL(data.file).href);
    if (typeof bundle.handler === 'function') return bundle.handler as Handler;
    return crash('Init Error', handlerNotFound(), 1);
  } catch (thrown) {
    return crash('Init Error', describeInitError(thrown), 1);
  }
}

function crash(title: string, error: RuntimeError, exitCode: number): never {
  output.line(`${title}\t${JSON.stringify(error)}`);
  output.flush();
  post({ type: 'crash', error });
  process.exit(exitCode);
}

function describe(thrown: unknown): RuntimeError {
  if (thrown instanceof Error) {
    return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') };
  }
  return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
}

function describeInitError(thrown: unknown): RuntimeError {
  const error = describe(thrown);
  if (thrown instanceof SyntaxError) {
    return { ...error, errorType: 'Runtime.UserCodeSyntaxError', errorMessage: String(thrown) };
  }
  const isMissingModule =
    thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND';
  return isMissingModule
    ? { ...error, errorType: 'Runtime.ImportModuleError', errorMessage: String(thrown) }
    : error;
}

function handlerNotFound(): RuntimeError {
  const errorMessage = 'index.handler is undefined or not exported';
  return { errorType: 'Runtime.HandlerNotFound', errorMessage, trace: [] };
}

function unsettledPromise(): Error {
  const error = new Error('The handler returned a promise that nothing can settle any more.');
  error.name = 'Runtime.NodeJsExit';
  return error;
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function post(message: RuntimeMessage): void {
  port.postMessage(message);
}
