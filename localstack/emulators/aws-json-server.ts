import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { closeServer, listenOnLoopback, loopback } from '#localstack/http/loopback-server.ts';
import { createServerForPrograms } from '#localstack/http/who-asks.ts';

/** What AWS answers when it refuses. `name` is what the SDK shows as the error's name. */
export class ServiceError extends Error {
  readonly statusCode: number;

  constructor(name: string, message: string, statusCode = 400) {
    super(message);
    this.name = name;
    this.statusCode = statusCode;
  }
}

/** One operation of a service: its JSON input to its JSON output. */
export type Operation = (input: Readonly<Record<string, unknown>>) => Promise<object> | object;

export interface AwsJsonServer {
  readonly endpoint: string;
  stop(): Promise<void>;
}

export interface AwsJsonServerOptions {
  /** The part of `X-Amz-Target` before the dot, such as `TrentService`. */
  readonly targetPrefix: string;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** Serves AWS's JSON 1.1 protocol on loopback: POST /, `X-Amz-Target`, errors with `__type`. Signatures are not checked; web pages are refused. */
export async function startAwsJsonServer(options: AwsJsonServerOptions): Promise<AwsJsonServer> {
  const server = createServerForPrograms((request, response) => {
    void answer(request, response, options);
  });
  const port = await listenOnLoopback(server);
  return { endpoint: `http://${loopback}:${port}`, stop: () => closeServer(server) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: AwsJsonServerOptions,
): Promise<void> {
  try {
    const operation = findOperation(request, options);
    const output = await operation(parseInput(await text(request)));
    write(response, 200, output);
  } catch (error) {
    const refusal =
      error instanceof ServiceError ? error : new ServiceError('InternalFailure', String(error), 500);
    write(response, refusal.statusCode, { __type: refusal.name, message: refusal.message });
  }
}

function findOperation(request: IncomingMessage, options: AwsJsonServerOptions): Operation {
  const target = String(request.headers['x-amz-target'] ?? '');
  const prefix = `${options.targetPrefix}.`;
  const name = target.startsWith(prefix) ? target.slice(prefix.length) : '';
  const operation = Object.hasOwn(options.operations, name) ? options.operations[name] : undefined;
  if (request.method !== 'POST' || operation === undefined)
    throw new ServiceError('UnknownOperationException', `No operation "${target}" here.`);
  return operation;
}

function parseInput(body: string): Record<string, unknown> {
  let input: unknown;
  try {
    input = JSON.parse(body === '' ? '{}' : body);
  } catch {
    throw new ServiceError('SerializationException', 'The body is not JSON.');
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new ServiceError('SerializationException', 'The body is not a JSON object.');
  return { ...input };
}

function write(response: ServerResponse, statusCode: number, body: object): void {
  response.writeHead(statusCode, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify(body));
}
