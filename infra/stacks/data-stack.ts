import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ContentKey } from '../constructs/content-key.ts';
import { MessageTables } from '../constructs/message-tables.ts';
import { UserDirectory } from '../constructs/user-directory.ts';
import { dataSettings, recordOf, recordOutput } from '../deployed/record.ts';
import type { Settings } from '../settings.ts';

export interface DataStackProps extends StackProps {
  readonly settings: Settings;
}

/** What must outlive every deployment: tables, the key that seals what is in them, and the users. */
export class DataStack extends Stack {
  readonly tables: MessageTables;
  readonly contentKey: ContentKey;
  /** Only without an OIDC issuer of the team's own. */
  readonly users?: UserDirectory;

  constructor(scope: Construct, id: string, props: DataStackProps) {
    super(scope, id, { ...props, terminationProtection: props.settings.keepData });
    const { keepData, name, issuer, selfSignUp } = props.settings;
    this.tables = new MessageTables(this, 'Tables', {
      keepData,
      warmReadsPerSecond: props.settings.warmReadsPerSecond,
      warmWritesPerSecond: props.settings.warmWritesPerSecond,
    });
    this.contentKey = new ContentKey(this, 'ContentKey', {
      keepData,
      deployment: name,
    });
    if (issuer === undefined) this.users = new UserDirectory(this, 'Users', { keepData, selfSignUp });
    new CfnOutput(this, recordOutput, {
      value: recordOf(props.settings, dataSettings),
      description: 'With which settings this was deployed',
    });
  }
}
