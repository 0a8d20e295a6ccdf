import type { NamedOperation } from './services.ts';

/** In capacity units of DynamoDB, as it counted them itself. */
export interface ConsumedCapacity {
  readonly read: number;
  readonly write: number;
}

const reads = new Set(['GetItem', 'BatchGetItem', 'TransactGetItems', 'Query', 'Scan']);
const writes = new Set(['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems']);

/** The request with `ReturnConsumedCapacity` in it: without being asked, DynamoDB does not tell. */
export function askForCapacity({ service, operation }: NamedOperation, body: Buffer): Buffer {
  const canTell = service === 'dynamodb' && (reads.has(operation) || writes.has(operation));
  if (!canTell || body[0] !== '{'.charCodeAt(0) || body.includes('"ReturnConsumedCapacity"')) return body;
  return Buffer.concat([Buffer.from('{"ReturnConsumedCapacity":"TOTAL",'), body.subarray(1)]);
}

/** What an answer says that it cost; undefined where it says nothing, as every refusal does. */
export function consumedCapacity(operation: string, body: Buffer): ConsumedCapacity | undefined {
  if (!body.includes('"ConsumedCapacity"')) return undefined;
  const { ConsumedCapacity: told } = JSON.parse(body.toString()) as { ConsumedCapacity?: Told | Told[] };
  if (told === undefined) return undefined;
  const units = [told].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
  return writes.has(operation) ? { read: 0, write: units } : { read: units, write: 0 };
}

interface Told {
  readonly CapacityUnits?: number;
}
