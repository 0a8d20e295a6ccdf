import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';

export interface ContentKeyProps {
  readonly alias: string;
  /** False: the key is deleted with the stack, after its waiting period, and every message with it. */
  readonly keepData: boolean;
}

/** The KMS key under which the data keys rest that seal message content. Without it no message can be read again. */
export class ContentKey extends Construct {
  readonly key: Key;

  constructor(scope: Construct, id: string, props: ContentKeyProps) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      alias: props.alias,
      description: 'Wraps the data keys that seal message content',
      enableKeyRotation: true,
      pendingWindow: Duration.days(30),
      removalPolicy: props.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}
