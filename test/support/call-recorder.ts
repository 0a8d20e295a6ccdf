import type { DocumentClient } from '#shared/aws/document-client.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import type { DeliveryQueue } from '#shared/delivery/delivery-queue.ts';
import { intercepting } from './world.ts';

export interface RecordedCall {
  readonly name: string;
  /** 1 for a call that waited for none before it, 2 for one that waited for one such, … : its round trip. */
  readonly depth: number;
  readonly readUnits: number;
  readonly writeUnits: number;
}

interface Consumed {
  readonly TableName?: string;
  readonly ReadCapacityUnits?: number;
  readonly WriteCapacityUnits?: number;
  readonly CapacityUnits?: number;
}

const writes = new Set(['UpdateCommand', 'PutCommand', 'DeleteCommand', 'TransactWriteCommand']);

/** Records every AWS call of an environment with the round trip that it belongs to and what it consumed. */
export function makeCallRecorder() {
  const calls: RecordedCall[] = [];
  let deepest = 0;

  async function record<T>(name: string, call: () => Promise<T>): Promise<T> {
    const depth = deepest + 1;
    const entry = { name, depth, readUnits: 0, writeUnits: 0 };
    calls.push(entry);
    try {
      const answer = await call();
      const { read, write } = consumedBy(name, answer);
      Object.assign(entry, { readUnits: read, writeUnits: write });
      return answer;
    } finally {
      deepest = Math.max(deepest, depth);
    }
  }

  return {
    calls,
    /** Forgets what was recorded, and starts again at the first round trip. */
    reset() {
      calls.length = 0;
      deepest = 0;
    },
    dynamodb: (client: DocumentClient): DocumentClient =>
      intercepting(client, (name, command, next) => {
        Object.assign(command.input as object, { ReturnConsumedCapacity: 'TOTAL' });
        return record(name, next);
      }),
    gateway: (gateway: ConnectionGateway): ConnectionGateway => ({
      post: (connectionId, frame) => record('PostToConnection', () => gateway.post(connectionId, frame)),
      close: (connectionId) => record('DeleteConnection', () => gateway.close(connectionId)),
    }),
    queue: (queue: DeliveryQueue): DeliveryQueue => ({
      leave: (reference, afterSeconds) => record('SendMessage', () => queue.leave(reference, afterSeconds)),
    }),
  };
}

function consumedBy(name: string, answer: unknown): { read: number; write: number } {
  const { ConsumedCapacity } = Object(answer) as { ConsumedCapacity?: Consumed | Consumed[] };
  const units = [ConsumedCapacity ?? []].flat().reduce((sum, one) => sum + (one.CapacityUnits ?? 0), 0);
  return writes.has(name) ? { read: 0, write: units } : { read: units, write: 0 };
}
