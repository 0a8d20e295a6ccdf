import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type TableDefinition, tables } from '#shared/aws/tables.ts';
import { resourcesOf, type Synthesised, synthesise } from './support/synthesise.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

describe('what must last', () => {
  let stack: Synthesised;
  beforeAll(() => {
    stack = synthesise();
  });

  test('the tables have the logical ids by which docs/encryption.md finds them', () => {
    const ids = resourcesOf(stack.data, 'AWS::DynamoDB::GlobalTable').map(([id]) => id);
    for (const name of ['Relationships', 'Conversations'])
      expect(ids.filter((id) => id.startsWith(`Tables${name}`))).toHaveLength(1);
  });

  test.each(Object.entries<TableDefinition>(tables))(
    'the table %s is as tables.ts declares it',
    (_, definition) => {
      const { partitionKey, sortKey, index, holdsData } = definition;
      const keys = [partitionKey, ...(sortKey ? [sortKey] : [])];
      const attributes = [...keys, ...(index ? [index.sortKey] : [])];
      stack.data.hasResource('AWS::DynamoDB::GlobalTable', {
        DeletionPolicy: holdsData ? 'Retain' : 'Delete',
        UpdateReplacePolicy: holdsData ? 'Retain' : 'Delete',
        Properties: {
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: keys.map(({ name }, index) => ({
            AttributeName: name,
            KeyType: index === 0 ? 'HASH' : 'RANGE',
          })),
          AttributeDefinitions: attributes.map(({ name, type }) => ({
            AttributeName: name,
            AttributeType: type,
          })),
          ...(index && {
            LocalSecondaryIndexes: [
              {
                IndexName: index.name,
                KeySchema: [
                  { AttributeName: partitionKey.name, KeyType: 'HASH' },
                  { AttributeName: index.sortKey.name, KeyType: 'RANGE' },
                ],
                Projection: { ProjectionType: 'KEYS_ONLY' },
              },
            ],
          }),
          ...('timeToLive' in definition && {
            TimeToLiveSpecification: { AttributeName: definition.timeToLive, Enabled: true },
          }),
          Replicas: [
            Match.objectLike({
              DeletionProtectionEnabled: holdsData,
              PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: holdsData },
            }),
          ],
        },
      });
    },
  );

  test('there are no other tables, and only those whose rows expire may be lost', () => {
    stack.data.resourceCountIs('AWS::DynamoDB::GlobalTable', Object.keys(tables).length);
    const lost = resourcesOf(stack.data, 'AWS::DynamoDB::GlobalTable').filter(
      ([, table]) => table.DeletionPolicy !== 'Retain',
    );
    expect(
      lost
        .map(([, table]) => Object.keys(table.Properties))
        .every((keys) => keys.includes('TimeToLiveSpecification')),
    ).toBe(true);
  });

  test('the content key rotates, is retained, and waits as long as it can before it is deleted', () => {
    stack.data.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: { EnableKeyRotation: true, PendingWindowInDays: 30 },
    });
  });

  test('the content key can be used by the functions alone, for our data keys alone', () => {
    const policies = resourcesOf(stack.data, 'AWS::KMS::Key').map(
      ([, { Properties }]) => Properties.KeyPolicy,
    );
    const [{ Statement } = { Statement: [] }] = policies as {
      Statement: { Action: string[]; Condition?: unknown }[];
    }[];
    const [administer, use, ...others] = Statement;
    expect(others).toEqual([]);
    expect(
      administer?.Action.filter((action) => /\*$|:\*|crypt|DataKey|Grant|Sign|Mac/.test(action)),
    ).toEqual(
      ['Delete', 'Describe', 'Disable', 'Enable', 'Get', 'List', 'Put', 'Revoke', 'Update'].map(
        (verb) => `kms:${verb}*`,
      ),
    );
    expect(use).toMatchObject({
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Condition: {
        ArnLike: {
          'aws:PrincipalArn': { 'Fn::Join': ['', expect.arrayContaining([':role/postrider/Postrider/*'])] },
        },
        StringEquals: { 'kms:EncryptionContext:application': 'postrider' },
      },
    });
    for (const [, role] of resourcesOf(stack.messaging, 'AWS::IAM::Role'))
      expect(role.Properties.Path).toBe('/postrider/Postrider/');
  });

  test('the users are retained, and may not sign themselves up', () => {
    stack.data.hasResource('AWS::Cognito::UserPool', {
      DeletionPolicy: 'Retain',
      Properties: Match.objectLike({
        DeletionProtection: 'ACTIVE',
        AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      }),
    });
  });

  test('nothing that is redeployed daily is among it, and the other way round', () => {
    const types = (template: Synthesised['data']) =>
      new Set(
        Object.values(template.toJSON().Resources as Record<string, { Type: string }>).map(
          ({ Type }) => Type,
        ),
      );
    expect([...types(stack.data)].sort()).toEqual([
      'AWS::Cognito::UserPool',
      'AWS::Cognito::UserPoolClient',
      'AWS::DynamoDB::GlobalTable',
      'AWS::KMS::Alias',
      'AWS::KMS::Key',
    ]);
    expect([...types(stack.messaging)].filter((type) => types(stack.data).has(type))).toEqual([]);
  });
});

describe('an issuer of the team’s own', () => {
  test('makes the user pool unnecessary, and the authorizer trusts it alone', () => {
    const { data, messaging } = synthesise({
      issuer: 'https://login.example.com/',
      audience: ['chat', 'android'],
      issuerKeysHours: 48,
      tokenScope: 'use',
    });
    data.resourceCountIs('AWS::Cognito::UserPool', 0);
    messaging.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.objectLike({
          TOKEN_ISSUER: 'https://login.example.com/',
          TOKEN_AUDIENCE: 'chat,android',
          TOKEN_KEYS_HOURS: '48',
          TOKEN_SCOPE: 'use',
          TOKEN_JWKS_URI: 'https://login.example.com/.well-known/jwks.json',
        }),
      },
    });
  });
});

describe('warm throughput', () => {
  const warm = ({ data }: Synthesised) =>
    resourcesOf(data, 'AWS::DynamoDB::GlobalTable').flatMap(([id, { Properties }]) =>
      Properties.WarmThroughput === undefined
        ? []
        : [[id.replace(/^Tables|[0-9A-F]{8}$/g, ''), Properties.WarmThroughput]],
    );

  test('is DynamoDB’s own by default', () => {
    expect(warm(synthesise())).toEqual([]);
  });

  test('is that of the settings for the tables that a send touches', () => {
    const tables = warm(synthesise({ warmWritesPerSecond: 20_000 }));
    expect(tables.map(([name]) => name).sort()).toEqual([
      ...['Connections', 'Conversations', 'Mailboxes', 'Messages', 'RateLimits', 'Relationships'],
    ]);
    for (const [, value] of tables) expect(value).toEqual({ WriteUnitsPerSecond: 20_000 });
  });
});

describe('a throw-away deployment', () => {
  test('leaves nothing behind', () => {
    const { data } = synthesise({ keepData: 'false' });
    const kept = Object.entries(
      data.toJSON().Resources as Record<string, { DeletionPolicy?: string }>,
    ).filter(([, { DeletionPolicy }]) => DeletionPolicy === 'Retain');
    expect(kept).toEqual([]);
    data.allResourcesProperties('AWS::DynamoDB::GlobalTable', {
      Replicas: [Match.objectLike({ DeletionProtectionEnabled: false })],
    });
  });
});
