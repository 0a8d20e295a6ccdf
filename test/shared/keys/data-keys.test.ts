import { DeleteCommand, GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UnknownDataKey } from '#shared/keys/data-keys.ts';
import { DependencyFailure, UnreadableMessage } from '#shared/runtime/failures.ts';
import { startTestDynamoDB, type TestDynamoDB } from '#test/support/dynamodb.ts';
import {
  type Environment,
  hour,
  keySalt,
  makeVirtualClock,
  minute,
  place,
  startEnvironment,
  type VirtualClock,
} from './support/environment.ts';
import { type FakeKms, makeFakeKms } from './support/fake-kms.ts';

let database: TestDynamoDB;
let kms: FakeKms;
let clock: VirtualClock;

beforeAll(async () => {
  database = await startTestDynamoDB();
});
afterAll(() => database.stop());

beforeEach(async () => {
  kms = makeFakeKms();
  clock = makeVirtualClock();
  for (const { keyId } of await rows()) await remove(String(keyId));
});

const start = () => startEnvironment({ database, kms, clock });
const table = () => database.tableNames.dataKeys;

async function rows(): Promise<Record<string, unknown>[]> {
  return (
    (await database.client.send(new ScanCommand({ TableName: table(), ConsistentRead: true }))).Items ?? []
  );
}

async function row(keyId: string): Promise<Record<string, unknown> | undefined> {
  return (await database.client.send(new GetCommand({ TableName: table(), Key: { keyId } }))).Item;
}

async function remove(keyId: string): Promise<void> {
  await database.client.send(new DeleteCommand({ TableName: table(), Key: { keyId } }));
}

async function write(item: Record<string, unknown>): Promise<void> {
  await database.client.send(new PutCommand({ TableName: table(), Item: item }));
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const idOfCurrent = async ({ dataKeys }: Environment) => hex((await dataKeys.current()).keyId);
const seal = ({ cipher }: Environment) => cipher.seal(place, keySalt, 'hello');
const open = ({ cipher }: Environment, sealed: Uint8Array) => cipher.open(place, keySalt, sealed);

describe('calls to KMS', () => {
  test('1,000 messages sealed and opened after warming up: none', async () => {
    const [sender, recipient] = [start(), start()];
    await open(recipient, await seal(sender));
    kms.resetCalls();

    for (let seq = 1; seq <= 1_000; seq += 1) {
      const sealed = await sender.cipher.seal({ ...place, seq }, keySalt, `message ${seq}`);
      expect(await recipient.cipher.open({ ...place, seq }, keySalt, sealed)).toBe(`message ${seq}`);
      clock.advance(1_000);
    }

    expect(kms.calls).toEqual({ GenerateDataKey: 0, Decrypt: 0 });
  });

  test('callers at the same time share one load', async () => {
    const first = start();
    await Promise.all(Array.from({ length: 200 }, () => first.dataKeys.current()));
    expect(kms.calls).toEqual({ GenerateDataKey: 1, Decrypt: 0 });

    const { keyId } = await first.dataKeys.current();
    const second = start();
    await Promise.all(Array.from({ length: 200 }, () => second.dataKeys.byId(keyId)));
    expect(kms.calls).toEqual({ GenerateDataKey: 1, Decrypt: 1 });
  });

  test('a load that failed is not remembered', async () => {
    const sealed = await seal(start());
    const environment = start();
    kms.become('throttled');
    await expect(open(environment, sealed)).rejects.toThrow(DependencyFailure);
    kms.become('working');
    expect(await open(environment, sealed)).toBe('hello');
  });

  test('a key is unwrapped again when its hour is over, and not before', async () => {
    const environment = start();
    const sealed = await seal(environment);
    kms.resetCalls();
    clock.advance(hour - 1);
    await open(environment, sealed);
    expect(kms.calls.Decrypt).toBe(0);
    clock.advance(1);
    await open(environment, sealed);
    await seal(environment);
    expect(kms.calls).toEqual({ GenerateDataKey: 0, Decrypt: 1 });
  });
});

describe('warming up', () => {
  test('loads the current key, so that the first message waits for nothing', async () => {
    await seal(start());
    const environment = start();
    await environment.dataKeys.warm();
    kms.resetCalls();
    await open(environment, await seal(environment));
    expect(kms.calls).toEqual({ GenerateDataKey: 0, Decrypt: 0 });
  });

  test('makes no key: neither the first one nor a successor', async () => {
    await start().dataKeys.warm();
    expect(await rows()).toEqual([]);
    await seal(start());
    clock.advance(25 * hour);
    await start().dataKeys.warm();
    expect(kms.calls.GenerateDataKey).toBe(1);
  });

  test('does not end the start of a function', async () => {
    await seal(start());
    kms.become('denied');
    const environment = start();
    await environment.dataKeys.warm();
    expect(environment.telemetry.lines.join()).toContain('data key not loaded ahead');
  });
});

describe('revocation', () => {
  test.each(['denied', 'disabled'] as const)(
    'KMS key %s: nothing opens or seals after an hour',
    async (state) => {
      const environment = start();
      const sealed = await seal(environment);
      kms.become(state);
      clock.advance(hour);
      await expect(open(environment, sealed)).rejects.toMatchObject({
        name: 'DataKeyUnavailable',
        reason: 'revoked',
      });
      await expect(seal(environment)).rejects.toMatchObject({ reason: 'revoked' });
      expect(environment.telemetry.counts.DataKeyRefused).toBeGreaterThan(0);

      kms.become('working');
      expect(await open(environment, sealed)).toBe('hello');
    },
  );

  test('the first refusal drops every key at once, those with time left too', async () => {
    const environment = start();
    const old = await seal(environment);
    clock.advance(24 * hour);
    const recent = await seal(environment);
    kms.become('denied');
    expect(await open(environment, recent)).toBe('hello');
    await expect(open(environment, old)).rejects.toMatchObject({ reason: 'revoked' });
    await expect(open(environment, recent)).rejects.toMatchObject({ reason: 'revoked' });
  });

  test('a key that cannot be generated is not replaced by an older one', async () => {
    const environment = start();
    await seal(environment);
    clock.advance(24 * hour);
    kms.become('denied', 'GenerateDataKey');
    await expect(seal(environment)).rejects.toMatchObject({ reason: 'revoked' });
  });

  test('the error says what to do', async () => {
    kms.become('disabled');
    await expect(seal(start())).rejects.toThrow(
      /DisabledException.*alias\/postrider is enabled.*role may use it/,
    );
  });
});

describe('KMS out of reach', () => {
  test.each(['throttled', 'timing out'] as const)(
    '%s: keys stay to the second limit, with an alarm',
    async (state) => {
      const environment = start();
      const sealed = await seal(environment);
      kms.become(state);
      clock.advance(4 * hour - 1);
      expect(await open(environment, sealed)).toBe('hello');
      await seal(environment);
      expect(environment.telemetry.counts.DataKeyKeptWhileUnreachable).toBeGreaterThan(0);

      clock.advance(1);
      await expect(open(environment, sealed)).rejects.toMatchObject({ reason: 'unreachable' });
      await expect(seal(environment)).rejects.toMatchObject({ reason: 'unreachable' });

      kms.become('working');
      expect(await open(environment, sealed)).toBe('hello');
    },
  );

  test('messages do not wait for it one by one: it is asked every half minute', async () => {
    const environment = start();
    const sealed = await seal(environment);
    kms.become('timing out');
    clock.advance(hour);
    kms.resetCalls();
    for (let second = 0; second < 120; second += 1) {
      await open(environment, await seal(environment));
      clock.advance(1_000);
    }
    expect(kms.calls).toEqual({ GenerateDataKey: 0, Decrypt: 4 });
    kms.become('working');
    clock.advance(hour - 1);
    await open(environment, sealed);
    kms.resetCalls();
    await open(environment, sealed);
    expect(kms.calls.Decrypt).toBe(0);
  });

  test('a rotation waits for it, sending does not', async () => {
    const environment = start();
    const before = await idOfCurrent(environment);
    clock.advance(23.5 * hour);
    await environment.dataKeys.current();
    kms.become('timing out');
    clock.advance(0.5 * hour);
    kms.resetCalls();
    for (let i = 0; i < 10; i += 1) expect(await idOfCurrent(environment)).toBe(before);
    expect(kms.calls.GenerateDataKey).toBe(1);
    expect(environment.telemetry.counts.DataKeyRotationPutOff).toBe(1);

    kms.become('working');
    clock.advance(minute);
    expect(await idOfCurrent(environment)).not.toBe(before);
  });

  test('a new environment goes on with a key that is due when only making keys fails', async () => {
    const before = await idOfCurrent(start());
    clock.advance(30 * hour);
    kms.become('throttled', 'GenerateDataKey');
    expect(await idOfCurrent(start())).toBe(before);
  });

  test('the table out of reach is the same outage', async () => {
    let isDown = false;
    const send = (command: GetCommand) => {
      if (isDown) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
      return database.client.send(command);
    };
    const dynamodb = { send: send as unknown as TestDynamoDB['client']['send'] };
    const environment = startEnvironment({ database, kms, clock, dynamodb });
    const sealed = await seal(environment);
    isDown = true;
    clock.advance(2 * hour);
    await seal(environment);
    expect(await open(environment, sealed)).toBe('hello');
    clock.advance(2 * hour);
    await expect(seal(environment)).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(open(environment, sealed)).rejects.toMatchObject({ reason: 'unreachable' });
  });
});

describe('rows', () => {
  test('hold the wrapped key and its time, and a pointer to the newest', async () => {
    const environment = start();
    const { keyId, key } = await environment.dataKeys.current();
    expect(await rows()).toHaveLength(2);
    expect(await row('current')).toEqual({ keyId: 'current', dataKeyId: hex(keyId), createdAt: clock.now() });
    const written = await row(hex(keyId));
    expect(written).toEqual({
      keyId: hex(keyId),
      wrappedKey: expect.any(Uint8Array),
      createdAt: clock.now(),
    });
    expect(hex(written?.wrappedKey as Uint8Array)).not.toContain(hex(key));
    expect(environment.telemetry.lines.join()).not.toContain(hex(key));
  });

  test('are read consistently: another environment may have sealed with a key a moment ago', async () => {
    const reads: unknown[] = [];
    const send = async (command: GetCommand) => {
      if (command instanceof GetCommand) reads.push(command.input.ConsistentRead);
      return await database.client.send(command);
    };
    const dynamodb = { send: send as unknown as TestDynamoDB['client']['send'] };
    await open(startEnvironment({ database, kms, clock, dynamodb }), await seal(start()));
    await startEnvironment({ database, kms, clock, dynamodb }).dataKeys.current();
    expect(reads).toEqual([true, true, true]);
  });

  test('an id without a row makes the message unreadable, and only that', async () => {
    const environment = start();
    const sealed = await seal(environment);
    const { keyId } = await environment.dataKeys.current();
    await remove(hex(keyId));
    clock.advance(hour);
    await expect(environment.dataKeys.byId(keyId)).rejects.toThrow(UnknownDataKey);
    await expect(open(environment, sealed)).rejects.toThrow(UnreadableMessage);
  });

  test('a wrapped key under another id does not unwrap', async () => {
    const environment = start();
    const one = await environment.dataKeys.current();
    clock.advance(24 * hour);
    const other = await environment.dataKeys.current();
    await write({ ...(await row(hex(one.keyId))), keyId: hex(other.keyId) });
    await expect(start().dataKeys.byId(other.keyId)).rejects.toMatchObject({ reason: 'unusable' });
    expect((await start().dataKeys.byId(one.keyId)).key).toEqual(one.key);
  });

  test('one row that was altered takes no other key along', async () => {
    const environment = start();
    const old = await environment.dataKeys.current();
    clock.advance(24 * hour);
    const sealed = await seal(environment);
    await write({ keyId: hex(old.keyId), wrappedKey: new Uint8Array(60), createdAt: 0 });
    kms.resetCalls();
    await expect(environment.dataKeys.byId(old.keyId)).rejects.toThrow(/altered.*Restore/);
    expect(await open(environment, sealed)).toBe('hello');
    expect(kms.calls.Decrypt).toBe(1);
  });

  test('a row without a key, and a pointer that says nothing, are errors that say what to do', async () => {
    const { keyId } = await start().dataKeys.current();
    await write({ keyId: hex(keyId) });
    await expect(start().dataKeys.byId(keyId)).rejects.toThrow(/damaged. Restore it/);
    await write({ keyId: 'current' });
    await expect(start().dataKeys.current()).rejects.toThrow(/damaged. Delete it/);
  });

  test('deleting the pointer makes every environment change keys within the hour', async () => {
    const environments = [start(), start(), start()];
    const [before] = await Promise.all(environments.map(idOfCurrent));
    await remove('current');
    clock.advance(hour);
    const after = new Set(await Promise.all(environments.map(idOfCurrent)));
    expect(after.size).toBe(1);
    expect(after.has(before ?? '')).toBe(false);
  });

  test('deleting the current key’s row does not stop sending', async () => {
    const environment = start();
    const before = await idOfCurrent(environment);
    await remove(before);
    clock.advance(hour);
    expect(await idOfCurrent(environment)).not.toBe(before);
  });
});
