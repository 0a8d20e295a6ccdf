import { Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { maxReceiveCount } from '#shared/delivery/delivery-queue.ts';

export interface LaterDeliveryProps {
  /** How long the consumer may take. */
  readonly consumerTimeoutSeconds: number;
  /** How many batches it may have at a time: 2 to 1,000. */
  readonly maxConcurrency: number;
}

/** AWS's advice for Lambda: six times the consumer's time limit, so that a retry never overlaps its predecessor. */
const visibilityFactor = 6;
/**
 * What Lambda's poller does with the consumer's role. The CDK's own event source grants two more, which it never uses:
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-lambda-function-trigger.html
 */
const pollerActions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];

/** References to committed messages, each looked at again after ten seconds, and once more where a connection took it; what fails five times rests in `deadLetters`. */
export class LaterDelivery extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  private readonly maxConcurrency: number;

  constructor(scope: Construct, id: string, props: LaterDeliveryProps) {
    super(scope, id);
    this.maxConcurrency = props.maxConcurrency;
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(4),
      visibilityTimeout: Duration.seconds(visibilityFactor * props.consumerTimeoutSeconds),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount },
    });
  }

  /** A record that fails goes back alone, the rest of its batch is done. */
  deliverTo(consumer: LambdaFunction): void {
    const { queueArn } = this.queue;
    consumer.addToRolePolicy(new PolicyStatement({ actions: pollerActions, resources: [queueArn] }));
    new EventSourceMapping(this, 'Consumer', {
      target: consumer,
      eventSourceArn: queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      maxConcurrency: this.maxConcurrency,
    });
  }
}
