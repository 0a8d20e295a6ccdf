import { prices } from '#infra/cost/prices.ts';
import type { WireCall, WireOutcome } from '#localstack/wire/wire.ts';

const frameBytes = 32 * 1024;

/** API Gateway counts each 32 KB begun of a frame as one. */
export function dollarsOfFrame(bytes: number): number {
  return prices.apiMessage * Math.max(1, Math.ceil(bytes / frameBytes));
}

/** By list price; undefined where the answer does not tell what is charged. */
export function dollarsOfCall(call: WireCall, { answer, consumed }: WireOutcome): number | undefined {
  switch (call.service) {
    case 'dynamodb':
      return consumed && consumed.read * prices.readUnit + consumed.write * prices.writeUnit;
    case 'sqs':
      return prices.sqsRequest;
    case 'kms':
      return prices.kmsRequest;
    case 'events':
      return prices.event;
    case 'connections':
      return call.operation === 'PostToConnection' && answer?.statusCode === 200
        ? dollarsOfFrame(call.body.length)
        : 0;
  }
}

/** ElastiCache Serverless counts a unit for each KB begun that a command moves. */
export function dollarsOfCacheCall(bytes: number): number {
  return (prices.cacheMillionUnits / 1e6) * Math.max(1, Math.ceil(bytes / 1024));
}

export const dollarsOfInvocation = prices.lambdaRequest;
