import { randomUUID } from 'node:crypto';
import type { WireAnswer, WireCall } from '#localstack/wire/wire.ts';
import type { Random } from '#test/contract/history/random.ts';

/** An error as a service words it: HTTP status, the exception's name, its text. */
type Refusal = readonly [statusCode: number, name: string, message: string];
type Service = WireCall['service'];

const throttlings: Readonly<Record<Service, readonly Refusal[]>> = {
  dynamodb: [
    [400, 'ThrottlingException', 'Throughput exceeds the current capacity of your table or index.'],
    [
      400,
      'ProvisionedThroughputExceededException',
      'The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.',
    ],
    [400, 'RequestLimitExceeded', 'Throughput exceeds the current throughput limit for your account.'],
  ],
  sqs: [
    [400, 'RequestThrottled', 'Request is throttled.'],
    [403, 'ThrottlingException', 'Rate exceeded'],
  ],
  kms: [[400, 'ThrottlingException', 'You have exceeded the rate at which you may call KMS.']],
  events: [[400, 'ThrottlingException', 'Rate exceeded']],
  connections: [[429, 'LimitExceededException', 'Too Many Requests']],
};

const failures: Readonly<Record<Service, readonly Refusal[]>> = {
  dynamodb: [
    [
      500,
      'InternalServerError',
      'The request processing has failed because of an unknown error, exception or failure.',
    ],
    [503, 'ServiceUnavailable', 'Service is currently unavailable.'],
  ],
  sqs: [
    [500, 'InternalFailure', 'We encountered an internal error. Please try again.'],
    [503, 'ServiceUnavailable', 'Service Unavailable'],
  ],
  kms: [
    [500, 'KMSInternalException', 'An internal exception happened; the request can be retried.'],
    [503, 'DependencyTimeoutException', 'The system timed out while trying to fulfil the request.'],
  ],
  events: [[500, 'InternalException', 'This exception occurs due to unexpected causes.']],
  connections: [
    [500, 'InternalServerError', 'Internal server error'],
    [504, 'GatewayTimeout', 'Endpoint request timed out'],
  ],
};

/** The part of `__type` before the name, where the service writes one. */
const namespaces: Readonly<Record<Service, string>> = {
  dynamodb: 'com.amazonaws.dynamodb.v20120810#',
  sqs: 'com.amazonaws.sqs#',
  kms: '',
  events: '',
  connections: '',
};

export function throttlingOf(call: WireCall, random: Random): WireAnswer {
  return answer(call, random.pick(throttlings[call.service]));
}

export function failureOf(call: WireCall, random: Random): WireAnswer {
  return answer(call, random.pick(failures[call.service]));
}

/** Contention, for what writes to DynamoDB; undefined for other calls, which meet none. */
export function conflictOf(call: WireCall, random: Random): WireAnswer | undefined {
  if (call.service !== 'dynamodb') return undefined;
  if (call.operation === 'TransactWriteItems') return cancelled(call, random);
  if (!/^(Put|Update|Delete)Item$/.test(call.operation)) return undefined;
  return answer(call, [400, 'TransactionConflictException', 'Transaction is ongoing for the item']);
}

/** Some of the items are in another transaction, or are throttled; the others have nothing against it. */
function cancelled(call: WireCall, random: Random): WireAnswer {
  const { TransactItems } = JSON.parse(call.body.toString()) as { TransactItems: unknown[] };
  const unlucky = random.below(TransactItems.length);
  const isThrottled = random.chance(20);
  const reasons = TransactItems.map((_, index) => {
    if (index !== unlucky && !random.chance(20)) return { Code: 'None' };
    return isThrottled
      ? {
          Code: 'ThrottlingError',
          Message: 'Throughput exceeds the current capacity of your table or index.',
        }
      : { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' };
  });
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map(({ Code }) => Code).join(', ')}]`;
  return answer(call, [400, 'TransactionCanceledException', message], { CancellationReasons: reasons });
}

function answer({ service }: WireCall, [statusCode, name, message]: Refusal, more: object = {}): WireAnswer {
  const isJsonProtocol = service !== 'connections';
  const text = isJsonProtocol
    ? { __type: namespaces[service] + name, message, Message: message }
    : { message };
  return {
    statusCode,
    headers: {
      'content-type': isJsonProtocol ? 'application/x-amz-json-1.0' : 'application/json',
      'x-amzn-requestid': randomUUID(),
      ...(!isJsonProtocol && { 'x-amzn-errortype': name }),
    },
    body: Buffer.from(JSON.stringify({ ...text, ...more })),
  };
}
