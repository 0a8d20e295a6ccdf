import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccountRootPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { rolePath } from '../deployed/names.ts';

export interface ContentKeyProps {
  /** Whose functions may use it. */
  readonly deployment: string;
  /** False: the key is deleted with the stack, after its waiting period, and every message with it. */
  readonly keepData: boolean;
}

/** The KMS key under which the data keys rest that seal message content. Without it no message can be read again. */
export class ContentKey extends Construct {
  readonly key: Key;

  constructor(scope: Construct, id: string, props: ContentKeyProps) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      alias: `${props.deployment.toLowerCase()}-content`,
      policy: this.policyFor(props.deployment),
      description: 'Wraps the data keys that seal message content',
      enableKeyRotation: true,
      pendingWindow: Duration.days(30),
      removalPolicy: props.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  /**
   * The usual policy of a key lets everybody in the account use it whom IAM lets. This one lets such principals administer it, and
   * the functions' roles alone use it, for our data keys alone; each of them needs IAM's leave as well.
   */
  private policyFor(deployment: string): PolicyDocument {
    const account = new AccountRootPrincipal();
    const roles = Stack.of(this).formatArn({
      service: 'iam',
      region: '',
      resource: 'role',
      resourceName: `${rolePath(deployment).slice(1)}*`,
    });
    return new PolicyDocument({
      statements: [
        new PolicyStatement({ principals: [account], actions: administration, resources: ['*'] }),
        new PolicyStatement({
          principals: [account],
          actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
          resources: ['*'],
          conditions: {
            ArnLike: { 'aws:PrincipalArn': roles },
            StringEquals: { 'kms:EncryptionContext:application': 'postrider' },
          },
        }),
      ],
    });
  }
}

/** As AWS's console gives them to a key's administrators: everything but using the key. */
const administration = [
  ...[
    'CreateAlias',
    'Describe*',
    'Enable*',
    'List*',
    'Put*',
    'Update*',
    'Revoke*',
    'Disable*',
    'Get*',
    'Delete*',
  ],
  ...['TagResource', 'UntagResource', 'ScheduleKeyDeletion', 'CancelKeyDeletion', 'RotateKeyOnDemand'],
].map((action) => `kms:${action}`);
