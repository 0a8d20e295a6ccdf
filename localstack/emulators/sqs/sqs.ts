import { CreateQueueCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { buildApp } from 'fauxqs';
import { clientSettings, localAccount } from '#localstack/emulators/local-account.ts';
import { openPersistentStores } from '#localstack/emulators/sqs/persistent-stores.ts';
import { loopback } from '#localstack/http/loopback-server.ts';
import { isProgram, refusalOfOthers } from '#localstack/http/who-asks.ts';
import { maxReceiveCount } from '#shared/delivery/delivery-queue.ts';

export interface Sqs {
  readonly endpoint: string;
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly deadLetterQueueUrl: string;
  stop(): Promise<void>;
}

export interface SqsOptions {
  /** Where queues are kept; memory without it. */
  readonly directory?: string;
}

const visibilityTimeoutSeconds = 60;
const queueName = 'postrider-deliver';
const deadLetterQueueName = 'postrider-deliver-dead';

/** SQS on loopback with the delivery queue and its dead-letter queue. Of fauxqs's services, this one alone answers. */
export async function startSqs(options: SqsOptions = {}): Promise<Sqs> {
  const kept = options.directory === undefined ? undefined : await openPersistentStores(options.directory);
  const app = buildApp({ logger: false, ...(kept && { stores: kept.stores }) });
  app.addHook('onRequest', async (request, reply) => {
    if (!isProgram(request)) return await reply.code(403).send(refusalOfOthers);
    const isSqs =
      request.method === 'POST' && request.headers['x-amz-target']?.toString().startsWith('AmazonSQS.');
    if (!isSqs) await reply.code(404).send({ message: 'Only SQS is here.' });
  });
  const endpoint = await app.listen({ host: loopback, port: 0 });
  const stop = async () => {
    await app.close();
    kept?.close();
  };
  try {
    await createQueues(endpoint);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint,
    queueUrl: urlOf(endpoint, queueName),
    queueArn: arnOf(queueName),
    deadLetterQueueUrl: urlOf(endpoint, deadLetterQueueName),
    stop,
  };
}

async function createQueues(endpoint: string): Promise<void> {
  const client = new SQSClient(clientSettings(endpoint));
  try {
    for (const QueueName of [deadLetterQueueName, queueName])
      await client.send(new CreateQueueCommand({ QueueName }));
    // Apart from the creation, which refuses a kept queue whose attributes were others.
    await client.send(
      new SetQueueAttributesCommand({
        QueueUrl: urlOf(endpoint, queueName),
        Attributes: {
          VisibilityTimeout: String(visibilityTimeoutSeconds),
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf(deadLetterQueueName), maxReceiveCount }),
        },
      }),
    );
  } finally {
    client.destroy();
  }
}

function urlOf(endpoint: string, name: string): string {
  return `${endpoint}/${localAccount.accountId}/${name}`;
}

function arnOf(name: string): string {
  return `arn:aws:sqs:${localAccount.region}:${localAccount.accountId}:${name}`;
}
