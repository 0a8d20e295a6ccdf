import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TableNames } from '#localstack/emulators/dynamodb/create-tables.ts';
import type { Gateway } from '#localstack/emulators/gateway/gateway.ts';
import type { ObservedInvocation } from '#localstack/emulators/lambda/local-function.ts';
import { targetOf } from '#localstack/http/request-target.ts';
import type { CacheWire } from '#localstack/wire/cache-wire.ts';
import type { Wire } from '#localstack/wire/wire.ts';
import { type FlowRecord, recordFlow } from './record-flow.ts';

export interface Inspector {
  /** True if the path was `/inspect`: the response is taken care of. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean;
}

export interface InspectorOptions {
  readonly wire: Pick<Wire, 'observe'>;
  readonly tableNames: TableNames;
  readonly gateway: Pick<Gateway, 'connectionFacts'>;
  readonly cacheWire: Pick<CacheWire, 'observe'> | undefined;
}

/** Several changes of a flow within this time are told at once. */
const gatherMs = 30;
/** A watcher that leaves more than this unread is let go. */
const mostUnreadBytes = 1024 * 1024;

/**
 * `GET /inspect`: each invocation from now on as server-sent events, whose data is a `Flow`; one that goes on is told
 * again, under the same id, as it gets further. While nobody watches, nothing is observed.
 */
export function createInspector({ wire, cacheWire, tableNames, gateway }: InspectorOptions): Inspector {
  const watchers = new Set<ServerResponse>();
  const records = new Map<ObservedInvocation, FlowRecord>();
  /** By execution environment, which has one invocation at a time. */
  const underWay = new Map<string, FlowRecord>();
  const changed = new Set<FlowRecord>();
  let lastId = 0;
  let stopObserving: (() => void) | undefined;

  function tell(): void {
    for (const record of changed) {
      const text = `data: ${JSON.stringify(record.flow())}\n\n`;
      for (const watcher of watchers) {
        if (watcher.writableLength > mostUnreadBytes) watcher.destroy();
        else watcher.write(text);
      }
    }
    changed.clear();
  }

  function change(record: FlowRecord | undefined, alter: (record: FlowRecord) => void): void {
    if (record === undefined) return;
    alter(record);
    if (changed.size === 0) setTimeout(tell, gatherMs).unref();
    changed.add(record);
  }

  const userOf = (connectionId: string) => gateway.connectionFacts(connectionId)?.authorizer?.userId;
  const recordOf = (invocation: ObservedInvocation | undefined) => invocation && records.get(invocation);

  function observe(): () => void {
    const stopCache = cacheWire?.observe({
      began: (call) => change(underWay.get(call.environmentId), ({ cache }) => cache.began(call)),
      ended: (call, outcome) =>
        change(underWay.get(call.environmentId), ({ cache }) => cache.ended(call, outcome)),
    });
    const stopWire = wire.observe({
      invocationStarted(invocation) {
        lastId += 1;
        const record = recordFlow({ id: lastId, invocation, tableNames, userOf });
        records.set(invocation, record);
        underWay.set(invocation.environmentId, record);
        change(record, () => undefined);
      },
      callBegan: (call) => change(recordOf(call.invocation), (record) => record.began(call)),
      callEnded: (call, outcome) =>
        change(recordOf(call.invocation), (record) => record.ended(call, outcome)),
      invocationEnded(invocation, outcome, result) {
        change(recordOf(invocation), (record) => record.returned(outcome, result));
        records.delete(invocation);
        underWay.delete(invocation.environmentId);
      },
    });
    return () => {
      stopCache?.();
      stopWire();
    };
  }

  function leave(watcher: ServerResponse): void {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    stopObserving?.();
    stopObserving = undefined;
    records.clear();
    underWay.clear();
    changed.clear();
  }

  return {
    handleRequest(request, response) {
      if (request.method !== 'GET' || targetOf(request).path !== '/inspect') return false;
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      // A comment, so that the watcher knows that nothing escapes it from here on.
      response.write(': watching\n\n');
      watchers.add(response);
      stopObserving ??= observe();
      response.on('close', () => leave(response));
      return true;
    },
  };
}
