import { Duration } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface LaterDeliveryProps {
  /** How long the consumer may take. */
  readonly consumerTimeoutSeconds: number;
}

/** How often a reference is tried before it is set aside. */
const maxReceiveCount = 5;
/** AWS's advice for Lambda: six times the consumer's time limit, so that a retry never overlaps its predecessor. */
const visibilityFactor = 6;

/** References to committed messages, each looked at again after ten seconds; what fails five times rests in `deadLetters`. */
export class LaterDelivery extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: LaterDeliveryProps) {
    super(scope, id);
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
    consumer.addEventSource(
      new SqsEventSource(this.queue, { batchSize: 10, reportBatchItemFailures: true, maxConcurrency: 100 }),
    );
  }
}
