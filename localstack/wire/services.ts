/** What the functions call by HTTP. Valkey is another protocol, and does not come this way. */
export type WireService = 'dynamodb' | 'sqs' | 'kms' | 'events' | 'connections';

export interface NamedOperation {
  readonly service: WireService;
  /** As AWS names it: `TransactWriteItems`, `PostToConnection`, … */
  readonly operation: string;
}

/** The part of `X-Amz-Target` before the dot. */
const targetPrefixes: Readonly<Record<string, WireService>> = {
  DynamoDB_20120810: 'dynamodb',
  AmazonSQS: 'sqs',
  TrentService: 'kms',
  AWSEvents: 'events',
};

const connectionOperations: Readonly<Record<string, string>> = {
  POST: 'PostToConnection',
  DELETE: 'DeleteConnection',
};

/** Which operation a request is, by what AWS itself puts into it; undefined for what is none of ours. */
export function nameOperation(
  method: string,
  path: string,
  target: string | undefined,
): NamedOperation | undefined {
  if (target !== undefined) {
    const [prefix = '', operation = ''] = target.split('.');
    const service = Object.hasOwn(targetPrefixes, prefix) ? targetPrefixes[prefix] : undefined;
    return service && { service, operation };
  }
  const operation = connectionOperations[method];
  const isConnection = /^\/[^/]+\/(?:@|%40)connections\//.test(path);
  return isConnection && operation !== undefined ? { service: 'connections', operation } : undefined;
}
