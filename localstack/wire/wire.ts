import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { InvocationObserver, ObservedInvocation } from '#localstack/emulators/lambda/local-function.ts';
import { roundTripHeader } from '#localstack/emulators/lambda/round-trips.ts';
import { traceRoot } from '#localstack/emulators/lambda/trace-id.ts';
import { closeServer, listenOnLoopback, loopback } from '#localstack/http/loopback-server.ts';
import { createServerForPrograms } from '#localstack/http/who-asks.ts';
import { askForCapacity, type ConsumedCapacity, consumedCapacity } from './consumed-capacity.ts';
import { type NamedOperation, nameOperation, type WireService } from './services.ts';

/** One AWS call of a function. An SDK that tries again makes another one. */
export interface WireCall extends NamedOperation {
  /** 1, 2, 3 … in the order of arrival. */
  readonly id: number;
  /**
   * That it was made in, by the `X-Amzn-Trace-Id` that the SDK sends from a Lambda. Undefined for what is made while a
   * function is loaded, and for what a handler left behind when it returned.
   */
  readonly invocation: ObservedInvocation | undefined;
  /** 1 for what waited for no answer of another call of the invocation, 2 for what waited for one of those, … */
  readonly roundTrip: number | undefined;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** When it had arrived, by `performance.now()`. */
  readonly beganAt: number;
}

export interface WireAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface WireOutcome {
  /** When the answer was on its way to the function, by `performance.now()`. */
  readonly endedAt: number;
  /** Undefined if the connection was cut instead. */
  readonly answer: WireAnswer | undefined;
  /** Of DynamoDB, where it tells. */
  readonly consumed: ConsumedCapacity | undefined;
}

/** Times of invocations are those of being told. */
export interface WireObserver {
  invocationStarted?(invocation: ObservedInvocation): void;
  callBegan?(call: WireCall): void;
  callEnded?(call: WireCall, outcome: WireOutcome): void;
  /** `result` is what the handler returned, as JSON. */
  invocationEnded?(invocation: ObservedInvocation, outcome: 'returned' | 'failed', result?: string): void;
}

/**
 * Stands between a function and what it calls. `forward` lets the service act and gives its answer; what is returned is
 * what the function gets, and `'cut'` cuts its connection. So to delay is to wait before or after `forward`. To refuse
 * is to answer without it. To lose an answer after its effect is to call it and return `'cut'`. To repeat is to call it
 * twice. Never to answer is never to settle.
 */
export type WireInterceptor = (
  call: WireCall,
  forward: () => Promise<WireAnswer | 'cut'>,
) => Promise<WireAnswer | 'cut'>;

export interface Wire {
  /** `http://127.0.0.1:port`, for every service and for `@connections`. */
  readonly endpoint: string;
  /** To be told of each function's invocations. */
  readonly invocations: InvocationObserver;
  /** Tells of each call and invocation from here on; the function that it returns ends that. */
  observe(observer: WireObserver): () => void;
  /** Puts itself before each call from here on, in the place of an earlier one; undefined lets all pass. */
  intercept(interceptor: WireInterceptor | undefined): void;
  stop(): Promise<void>;
}

export interface WireOptions {
  /** Where each service is: `http://127.0.0.1:port`. */
  readonly services: Readonly<Record<WireService, string>>;
}

/** Of one hop, not of the call (RFC 9110, 7.6.1); lengths are counted again. */
const hopHeaders = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host', roundTripHeader],
]);

/**
 * The wire between the functions and the services that they call: an HTTP proxy on loopback. Which service a request
 * is for it finds in the request, by `X-Amz-Target` or its path. It keeps connections alive on both sides, and answers
 * only with what the service answered, so that nothing is acknowledged here that was not done there. Bodies pass as a
 * whole: none of these services streams. Web pages are refused.
 */
export async function startWire({ services }: WireOptions): Promise<Wire> {
  // Lets go of an idle socket before Node's servers do, after 5 s: a request must not meet one that is just being closed.
  const agent = new Agent({ keepAlive: true, timeout: 4_000 });
  const observers = new Set<WireObserver>();
  const underWay = new Map<string, ObservedInvocation>();
  let interceptor: WireInterceptor | undefined;
  let lastId = 0;

  async function take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '/', headers } = incoming;
    const named = nameOperation(method, path, headers['x-amz-target']?.toString());
    if (named === undefined) {
      const message = `No service takes ${method} ${path} here.`;
      return write(response, jsonError(404, 'UnknownOperationException', message));
    }
    const body = await readAll(incoming);
    const invocation = underWay.get(traceRoot(headers['x-amzn-trace-id']?.toString()) ?? '');
    lastId += 1;
    const roundTrip = Number(headers[roundTripHeader]) || undefined;
    const beganAt = performance.now();
    const call = { ...named, id: lastId, invocation, roundTrip, method, path, headers, body, beganAt };
    for (const { callBegan } of observers) callBegan?.(call);
    const forward = () => send(agent, services[call.service], call, observers.size > 0);
    const answer = await (interceptor ? interceptor(call, forward).catch(interceptorFailed) : forward());
    if (answer === 'cut') response.destroy();
    else write(response, answer);
    if (observers.size > 0) tell(call, answer === 'cut' ? undefined : answer);
  }

  function tell(call: WireCall, answer: WireAnswer | undefined): void {
    const endedAt = performance.now();
    const isDatabase = call.service === 'dynamodb' && answer !== undefined;
    const consumed = isDatabase ? consumedCapacity(call.operation, answer.body) : undefined;
    for (const { callEnded } of observers) callEnded?.(call, { endedAt, answer, consumed });
  }

  const server = createServerForPrograms((incoming, response) => {
    take(incoming, response).catch(() => response.destroy());
  });
  // A frozen environment comes back to its connections after any time, and must not find them closed under its request.
  server.keepAliveTimeout = 0;
  const port = await listenOnLoopback(server);
  return {
    endpoint: `http://${loopback}:${port}`,
    invocations: {
      started(invocation) {
        underWay.set(invocation.trace, invocation);
        for (const { invocationStarted } of observers) invocationStarted?.(invocation);
      },
      ended(invocation, outcome, result) {
        underWay.delete(invocation.trace);
        for (const { invocationEnded } of observers) invocationEnded?.(invocation, outcome, result);
      },
    },
    observe(observer) {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    intercept(next) {
      interceptor = next;
    },
    async stop() {
      await closeServer(server);
      agent.destroy();
    },
  };
}

/** `'cut'` if the service cut the connection, or cannot be reached. */
function send(agent: Agent, endpoint: string, call: WireCall, asks: boolean): Promise<WireAnswer | 'cut'> {
  const { method, path } = call;
  const body = asks ? askForCapacity(call, call.body) : call.body;
  const headers = { ...ownHeaders(call.headers), 'content-length': body.length };
  return new Promise((resolve) => {
    const cut = () => resolve('cut');
    const outgoing = request(endpoint, { agent, method, path, headers }, (incoming) => {
      readAll(incoming).then((answer) => {
        resolve({
          statusCode: incoming.statusCode ?? 502,
          headers: ownHeaders(incoming.headers),
          body: answer,
        });
      }, cut);
    });
    outgoing.on('error', cut);
    outgoing.end(body);
  });
}

function write(response: ServerResponse, { statusCode, headers, body }: WireAnswer): void {
  const length = statusCode === 204 ? {} : { 'content-length': body.length };
  response.writeHead(statusCode, { ...ownHeaders(headers), ...length });
  response.end(body);
}

/** Not a cut connection: a mistake in an interceptor must not look like the fault that it was to make. */
function interceptorFailed(error: unknown): WireAnswer {
  return jsonError(500, 'InternalFailure', `The interceptor of the wire threw: ${String(error)}`);
}

function jsonError(statusCode: number, name: string, message: string): WireAnswer {
  const headers = { 'content-type': 'application/x-amz-json-1.1' };
  return { statusCode, headers, body: Buffer.from(JSON.stringify({ __type: name, message })) };
}

function ownHeaders<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));
}

/** By events: an async iterator over each of these small bodies would cost as much again as the rest of the hop. */
function readAll(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    incoming.on('error', reject);
  });
}
