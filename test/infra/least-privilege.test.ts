import { readdirSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { bundleFunctions } from '#infra/bundle-functions.ts';
import { functionNeeds } from '#infra/function-needs.ts';
import { authorizerFunction, queueFunction, routes } from '#infra/routes.ts';
import { tables } from '#shared/aws/tables.ts';
import { permissionsOf } from './support/permissions.ts';
import { resourcesOf, type Synthesised, synthesise } from './support/synthesise.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let stack: Synthesised;
beforeAll(() => {
  stack = synthesise();
});

describe('permissions', () => {
  test('are exactly these', async () => {
    const lines = Object.entries(permissionsOf(stack.messaging)).flatMap(([name, permissions]) => [
      `${name} may`,
      ...permissions.map((permission) => `  ${permission}`),
      '',
    ]);
    await expect(lines.join('\n')).toMatchFileSnapshot('./permissions.snapshot.txt');
  });

  test('never name a whole service, nor every resource but for what has none', () => {
    for (const [name, permissions] of Object.entries(permissionsOf(stack.messaging))) {
      const wide = permissions.filter(
        (line) => /:\*/.test(line.split(' on ')[0] ?? '') || line.endsWith(' on *'),
      );
      expect(wide, name).toEqual(['xray:PutTelemetryRecords on *', 'xray:PutTraceSegments on *']);
    }
  });
});

describe('whoever has taken one function over', () => {
  /** The functions that have a permission like this. */
  const holdersOf = (permission: RegExp) =>
    Object.entries(permissionsOf(stack.messaging))
      .filter(([, permissions]) => permissions.some((line) => permission.test(line)))
      .map(([name]) => name);

  test('can delete nothing that is kept but blocks, and read no table as a whole', () => {
    const kept = 'Conversations|Messages|Mailboxes|DataKeys';
    expect(
      holdersOf(new RegExp(`^dynamodb:(DeleteItem|BatchWriteItem|PartiQL\\w+) on Tables(${kept})`)),
    ).toEqual([]);
    expect(holdersOf(/^dynamodb:(DeleteItem|BatchWriteItem) on TablesRelationships/)).toEqual(['sync']);
    expect(holdersOf(/^dynamodb:(Scan|DeleteTable|UpdateTable|Export\w*|\w*Backup\w*|PartiQL\w*)/)).toEqual(
      [],
    );
  });

  test('of authorize, connect, disconnect or fallback cannot read a message, a mailbox or a key', () => {
    const content = /^(kms:|elasticache:|sqs:|dynamodb:\w+ on Tables(?!Connections|RateLimits))/;
    expect(holdersOf(content)).toEqual(['send', 'reconnect', 'sync', 'deliver']);
    expect(permissionsOf(stack.messaging).authorize).toEqual([
      'logs:CreateLogStream on FunctionsAuthorizeLog',
      'logs:PutLogEvents on FunctionsAuthorizeLog',
      'xray:PutTelemetryRecords on *',
      'xray:PutTraceSegments on *',
    ]);
  });

  test('can use the content key for the data keys of this application alone, and do nothing to it', () => {
    const lines = Object.values(permissionsOf(stack.messaging)).flat();
    const ofKey = lines.filter((line) => line.startsWith('kms:'));
    const inContext =
      / on ContentKey if \{"StringEquals":\{"kms:EncryptionContext:application":"postrider"\}\}$/;
    expect(
      ofKey.filter((line) => !/^kms:(Decrypt|GenerateDataKey) /.test(line) || !inContext.test(line)),
    ).toEqual([]);
    expect(holdersOf(/^kms:GenerateDataKey/)).toEqual(['send']);
  });

  test('can write a message only with send, a reference only with send and deliver, a notification only with deliver', () => {
    expect(holdersOf(/^dynamodb:(Put|Update)Item on Tables(Messages|Conversations|DataKeys)/)).toEqual([
      'send',
    ]);
    expect(holdersOf(/^sqs:SendMessage/)).toEqual(['send', 'deliver']);
    expect(holdersOf(/^events:/)).toEqual(['deliver']);
    expect(
      holdersOf(/^logs:(?!CreateLogStream|PutLogEvents)|^iam:|^sts:|^lambda:|^s3:|^ssm:|^secretsmanager:/),
    ).toEqual([]);
  });
});

describe('needs', () => {
  test('are named for every function of functions/ and for no other', () => {
    const files = readdirSync(new URL('../../functions', import.meta.url)).filter((file) =>
      file.endsWith('.ts'),
    );
    expect(Object.keys(functionNeeds).sort()).toEqual(files.map((file) => file.replace('.ts', '')).sort());
    const called = new Set<string>([
      authorizerFunction,
      queueFunction,
      ...routes.map((route) => route.function),
    ]);
    expect([...called].sort()).toEqual(Object.keys(functionNeeds).sort());
  });

  test('bring every environment variable that the code cannot do without', async () => {
    const bundles = await bundleFunctions({ outdir: await mkdtemp(join(tmpdir(), 'postrider-bundles-')) });
    const demanded = [
      'MANAGEMENT_ENDPOINT',
      'KMS_KEY_ID',
      'DELIVERY_QUEUE_URL',
      'EVENT_BUS_NAME',
      'TOKEN_ISSUER',
      'TOKEN_AUDIENCE',
      'TOKEN_JWKS_URI',
      'CACHE_NAME',
      'CACHE_IAM_USER',
      'CACHE_URL',
      'EPOCH',
    ];
    for (const [name, { file }] of Object.entries(bundles)) {
      const code = await readFile(file, 'utf8');
      const read = [...demanded, ...Object.values(tables).map((table) => table.environmentVariable)].filter(
        (variable) => code.includes(variable),
      );
      expect(
        read.filter((variable) => !variablesOf(name).includes(variable)),
        name,
      ).toEqual([]);
    }
  });
});

function variablesOf(name: string): string[] {
  const isIt = new RegExp(`^Functions${name}Function`, 'i');
  const found = resourcesOf(stack.messaging, 'AWS::Lambda::Function').filter(([id]) => isIt.test(id));
  return found.flatMap(([, { Properties }]) =>
    Object.keys((Properties.Environment as { Variables: object }).Variables),
  );
}
