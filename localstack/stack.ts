import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import { bundleFunctions } from '#infra/bundle-functions.ts';
import { authorizerFunction, queueFunction, routes } from '#infra/routes.ts';
import type { TableNames } from '#localstack/emulators/dynamodb/create-tables.ts';
import { createGateway, type Gateway } from '#localstack/emulators/gateway/gateway.ts';
import type { GatewayLimits } from '#localstack/emulators/gateway/limits.ts';
import { createIssuer, type Issuer } from '#localstack/emulators/issuer/issuer.ts';
import { bundleRuntime } from '#localstack/emulators/lambda/bundle-runtime.ts';
import { startEventSource } from '#localstack/emulators/lambda/event-source.ts';
import { createLocalFunction, type LocalFunction } from '#localstack/emulators/lambda/local-function.ts';
import { clientSettings } from '#localstack/emulators/local-account.ts';
import type { Sqs } from '#localstack/emulators/sqs/sqs.ts';
import { closeServer, listenAlsoAt, listenOnLoopback, loopback } from '#localstack/http/loopback-server.ts';
import { createInspector } from '#localstack/inspector/inspector.ts';
import { bundlePage } from '#localstack/stack/bundle-page.ts';
import { type DataDirectory, openDataDirectory } from '#localstack/stack/data-directory.ts';
import { createFrontDoor } from '#localstack/stack/front-door.ts';
import { type Endpoints, functionEnvironment } from '#localstack/stack/function-environment.ts';
import { openTo } from '#localstack/stack/open-to.ts';
import { type Services, startServices } from '#localstack/stack/services.ts';
import { settleAll } from '#localstack/stack/settle-all.ts';
import { type CacheWire, startCacheWire } from '#localstack/wire/cache-wire.ts';
import { startWire, type Wire } from '#localstack/wire/wire.ts';

export interface StackOptions {
  /** Of everything that a user meets. 0 (the default) picks a free one. */
  readonly port?: number;
  /** Beside the loopback, an address to listen on, or a name to be asked by: `openTo` says what it may be. */
  readonly host?: string;
  /** Where data is kept between runs. Without it everything is gone at the end. */
  readonly dataDir?: string;
  /** More settings for the functions, or other ones. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly gatewayLimits?: Partial<GatewayLimits>;
  /** Whether to use a cache if there is a server for one: true by default. */
  readonly cache?: boolean;
  /** Execution environments of each function, at most; 3 by default. */
  readonly maxEnvironments?: number;
  /** What the functions and the stack have to say. */
  onLog?(line: string): void;
  /** Called for each notification that goes to the team's own push service: EventBridge's detail type and detail. */
  onNotification?(detailType: string, detail: unknown): void;
  /** Called if the database ends by itself: the stack is of no use any more, and should be stopped. */
  onCrash?(error: Error): void;
}

export interface Stack {
  /** `ws://127.0.0.1:{port}/local` */
  readonly url: string;
  /** `http://127.0.0.1:{port}` */
  readonly httpUrl: string;
  /** `http://{name}:{port}` for each name that `host` opens it to, and that others may reach. */
  readonly openAt: readonly string[];
  readonly endpoints: Endpoints;
  readonly tableNames: TableNames;
  /** What the functions were given; those with a cache find it by way of a relay of their own. */
  readonly environment: Readonly<Record<string, string>>;
  /** By name: `send`, `reconnect`, … */
  readonly functions: Readonly<Record<string, LocalFunction>>;
  readonly gateway: Gateway;
  /** What the functions' calls to `endpoints` and `@connections` pass through, to be observed or to fail. */
  readonly wire: Wire;
  /** The cache's URL and what serves it; undefined where there is none. */
  readonly cache: { readonly url: string; readonly origin: string } | undefined;
  readonly dataDirectory: Pick<DataDirectory, 'path' | 'temporary'>;
  /** Of the database's process; undefined if `DYNAMODB_ENDPOINT` named another one. */
  readonly databasePid: number | undefined;
  token(...request: Parameters<Issuer['token']>): Promise<string>;
  /** Ends everything that was started. A second call waits for the first. */
  stop(): Promise<void>;
}

const stage = 'local';
const audience = 'postrider';
const deliverGraceMs = 2_000;

/** Starts the whole backend on this machine, with the same bundles that are deployed. Rejects, leaving nothing, if a part fails. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  await using cleanup = new AsyncDisposableStack();
  const { addresses, names } = await openTo(options.host);
  const frontDoor = createFrontDoor({ stage, names });
  const port = await listenOnLoopback(frontDoor.server, options.port);
  cleanup.defer(() => closeServer(frontDoor.server));
  for (const address of addresses)
    cleanup.adopt(await listenAlsoAt(frontDoor.server, address, port), closeServer);
  const httpUrl = `http://${loopback}:${port}`;

  const directory = await openDataDirectory(options.dataDir);
  cleanup.defer(() => directory.close());
  const webDirectory = join(directory.path, 'web');
  const [services, issuer, bundles, runtime] = await settleAll([
    startServices(servicesOptions(options, directory), cleanup),
    createIssuer({
      issuer: httpUrl,
      audience,
      ...(!directory.temporary && { keyFile: join(directory.path, 'issuer.json') }),
    }),
    bundleFunctions({ outdir: join(directory.path, 'bundles') }),
    bundleRuntime(directory.path),
    bundlePage(webDirectory),
  ] as const);

  const endpoints = endpointsOf(services);
  const wire = cleanup.adopt(
    await startWire({ services: { ...endpoints, connections: httpUrl } }),
    ({ stop }) => stop(),
  );
  const cacheWire = await openCacheWire(services.cache, cleanup);

  const environment = {
    ...environmentOf(services, issuer, httpUrl, wire, directory.epoch),
    ...options.environment,
  };
  const functions = createFunctions({ bundles, runtime, environment, options, wire, cacheWire, cleanup });
  const gateway = openGateway(functions, options.gatewayLimits, cleanup);
  pollQueue(services.sqs, functionNamed(functions, queueFunction), options, cleanup);
  const inspector = createInspector({ wire, cacheWire, gateway, tableNames: services.dynamodb.tableNames });
  frontDoor.open({ gateway, issuer, inspector, webDirectory });

  const everything = cleanup.move();
  let stopped: Promise<void> | undefined;
  return {
    url: `ws://${loopback}:${port}/${stage}`,
    httpUrl,
    openAt: names.map((name) => `http://${name}:${port}`),
    endpoints,
    tableNames: services.dynamodb.tableNames,
    environment,
    functions,
    gateway,
    wire,
    cache: services.cache,
    dataDirectory: directory,
    databasePid: services.dynamodb.pid,
    token: issuer.token,
    stop() {
      stopped ??= everything.disposeAsync();
      return stopped;
    },
  };
}

function servicesOptions(options: StackOptions, directory: DataDirectory) {
  const log = (line: string) => options.onLog?.(line);
  return {
    directory,
    withCache: options.cache ?? true,
    onEvent: (detailType: string, detail: unknown) => options.onNotification?.(detailType, detail),
    onWarning: log,
    onCrash: (error: Error) => (options.onCrash ? options.onCrash(error) : log(error.message)),
  };
}

function environmentOf(
  services: Services,
  issuer: Issuer,
  httpUrl: string,
  { endpoint }: Wire,
  epoch: string,
) {
  return functionEnvironment({
    endpoints: { dynamodb: endpoint, kms: endpoint, sqs: endpoint, events: endpoint },
    tableNames: services.dynamodb.tableNames,
    kmsKeyId: services.kms.keyId,
    // The SDK goes to the host that a queue's URL names.
    queueUrl: endpoint + new URL(services.sqs.queueUrl).pathname,
    cacheUrl: services.cache?.url,
    httpUrl,
    managementUrl: `${endpoint}/${stage}`,
    issuer: issuer.issuer,
    audience,
    epoch,
  });
}

function endpointsOf({ dynamodb, kms, sqs, events }: Services): Endpoints {
  return {
    dynamodb: dynamodb.endpoint,
    kms: kms.endpoint,
    sqs: sqs.endpoint,
    events: events.endpoint,
  };
}

/** A server with TLS or users of its own is met directly, and its calls are not observed. */
async function openCacheWire(
  cache: Services['cache'],
  cleanup: AsyncDisposableStack,
): Promise<CacheWire | undefined> {
  if (cache === undefined || !/^(redis|valkey):\/\/[^@]+$/.test(cache.url)) return undefined;
  return cleanup.adopt(await startCacheWire(new URL(cache.url)), ({ stop }) => stop());
}

interface FunctionParts {
  readonly bundles: Readonly<Record<string, { readonly file: string }>>;
  readonly runtime: URL;
  readonly environment: Readonly<Record<string, string>>;
  readonly options: StackOptions;
  readonly wire: Wire;
  readonly cacheWire: CacheWire | undefined;
  readonly cleanup: AsyncDisposableStack;
}

function createFunctions(parts: FunctionParts): Record<string, LocalFunction> {
  const { runtime, environment, options, wire, cacheWire, cleanup } = parts;
  const { maxEnvironments, onLog } = options;
  const isOwnCache = cacheWire !== undefined && options.environment?.CACHE_URL === undefined;
  const functions = Object.entries(parts.bundles).map(([name, { file }]) => {
    const local = createLocalFunction({
      name,
      file,
      runtime,
      environment,
      ...(isOwnCache && { environmentOf: (id) => ({ CACHE_URL: cacheWire.urlFor(id) }) }),
      ...(maxEnvironments !== undefined && { maxEnvironments }),
      onLog: (line) => onLog?.(`[${name}] ${line}`),
      observer: wire.invocations,
    });
    return [name, cleanup.adopt(local, ({ stop }) => stop())] as const;
  });
  return Object.fromEntries(functions);
}

function openGateway(
  functions: Readonly<Record<string, LocalFunction>>,
  limits: Partial<GatewayLimits> | undefined,
  cleanup: AsyncDisposableStack,
): Gateway {
  const gateway = createGateway({
    stage,
    routes: Object.fromEntries(
      routes.map((route) => {
        const { invoke } = functionNamed(functions, route.function);
        return [route.key, { invoke, routeResponse: route.routeResponse }];
      }),
    ),
    authorizer: functionNamed(functions, authorizerFunction),
    ...(limits && { limits }),
  });
  return cleanup.adopt(gateway, ({ close }) => close());
}

function functionNamed(functions: Readonly<Record<string, LocalFunction>>, name: string): LocalFunction {
  const local = functions[name];
  if (local === undefined) throw new Error(`There is no functions/${name}.ts, which infra/routes.ts names.`);
  return local;
}

function pollQueue(
  { endpoint, queueUrl, queueArn }: Sqs,
  target: LocalFunction,
  { onLog }: StackOptions,
  cleanup: AsyncDisposableStack,
): void {
  const sqs = cleanup.adopt(new SQSClient(clientSettings(endpoint)), (client) => client.destroy());
  const source = startEventSource({
    sqs,
    queueUrl,
    queueArn,
    target,
    onError: (error) => onLog?.(`[${queueFunction}] ${error}`),
  });
  cleanup.defer(async () => {
    const ended = source.stop();
    await Promise.race([ended, sleep(deliverGraceMs, undefined, { ref: false })]);
    // What is still under way is cut short; the queue hands it out again.
    await target.stop();
    await ended;
  });
}
