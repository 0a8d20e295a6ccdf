import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { clientPolicies } from '#shared/runtime/retries.ts';
import { setting } from '#shared/runtime/settings.ts';

/**
 * Time limits in milliseconds. `requestTimeout` ends with the answer's headers, and `socketTimeout` holds for what is
 * silent after them. Without `throwOnRequestTimeout` the SDK's handler only warns of a late answer. Node keeps
 * connections alive by default, and each environment has one client per service.
 */
function limitsOf(service: keyof typeof clientPolicies) {
  const { attempts, timeoutMs: requestTimeout } = clientPolicies[service];
  return {
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout,
      socketTimeout: requestTimeout,
      throwOnRequestTimeout: true,
    },
    maxAttempts: attempts,
  };
}

export function dynamodbClient(): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient(limitsOf('dynamodb')));
}

/** The same connections, one attempt a call: for what repeats itself and has a deadline. */
export function withoutRetries({ config }: DynamoDBDocumentClient): DynamoDBDocumentClient {
  const { requestHandler } = config;
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...limitsOf('transactions'), requestHandler }));
}

export function kmsClient(): KMSClient {
  return new KMSClient(limitsOf('kms'));
}

export function sqsClient(): SQSClient {
  return new SQSClient(limitsOf('sqs'));
}

export function eventBridgeClient(): EventBridgeClient {
  return new EventBridgeClient(limitsOf('events'));
}

/** One attempt: the SDK would repeat a frame after a time-out, although it may have arrived. */
export function managementApiClient(): ApiGatewayManagementApiClient {
  return new ApiGatewayManagementApiClient({
    endpoint: setting('MANAGEMENT_ENDPOINT'),
    ...limitsOf('connections'),
  });
}
