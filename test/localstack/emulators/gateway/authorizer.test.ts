import { expect, test } from 'vitest';
import { policyAllows } from '#localstack/emulators/gateway/policy.ts';
import { recordedRoute, startStage } from './harness.ts';

const allow = (resource: unknown) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: resource }],
});

async function statusFor(answer: () => unknown, limits = {}): Promise<number | undefined> {
  const $connect = recordedRoute();
  const stage = await startStage({ routes: { $connect }, authorizer: recordedRoute(answer), limits });
  const { status } = await stage.openRefused();
  expect($connect.events).toEqual([]);
  return status;
}

test('an allowing policy lets in to $connect', async () => {
  const authorizer = recordedRoute((event) => ({ principalId: 'a', policyDocument: allow(event.methodArn) }));
  const $connect = recordedRoute();
  const stage = await startStage({ routes: { $connect }, authorizer });

  await stage.open();

  expect($connect.events).toHaveLength(1);
});

test('the authorizer is asked every time: nothing is cached', async () => {
  const authorizer = recordedRoute((event) => ({ principalId: 'a', policyDocument: allow(event.methodArn) }));
  const stage = await startStage({ authorizer });

  await stage.open();
  await stage.open();

  expect(authorizer.events).toHaveLength(2);
});

test.each([
  ['"Unauthorized"', 401, () => Promise.reject(new Error('Unauthorized'))],
  ['another message', 500, () => Promise.reject(new Error('unauthorized'))],
  ['"Unauthorized" and more', 500, () => Promise.reject(new Error('Unauthorized.'))],
])('a rejection with %s is %i', async (_name, status, answer) => {
  expect(await statusFor(answer)).toBe(status);
});

test.each([
  ['a policy that denies', { Statement: [{ Effect: 'Deny', Action: '*', Resource: '*' }] }],
  [
    'a policy that allows and denies',
    { Statement: [...allow('*').Statement, { Effect: 'Deny', Action: 'execute-api:*', Resource: '*' }] },
  ],
  ['a policy for another resource', allow('arn:aws:execute-api:us-east-1:000000000000:local/other/$connect')],
  ['an empty policy', { Statement: [] }],
])('%s is 403', async (_name, policyDocument) => {
  expect(await statusFor(() => ({ principalId: 'a', policyDocument }))).toBe(403);
});

test.each([
  ['nothing', undefined],
  ['no policy', { principalId: 'a' }],
  ['no principal', { policyDocument: allow('*') }],
  ['a nested context', { principalId: 'a', policyDocument: allow('*'), context: { a: { b: 1 } } }],
  ['a null in the context', { principalId: 'a', policyDocument: allow('*'), context: { a: null } }],
  [
    'a context over 8 KB',
    { principalId: 'a', policyDocument: allow('*'), context: { a: 'x'.repeat(8_192) } },
  ],
])('an answer with %s is 500', async (_name, answer) => {
  expect(await statusFor(() => answer)).toBe(500);
});

test('an authorizer that takes too long is 500', async () => {
  expect(await statusFor(() => new Promise(() => undefined), { integrationMs: 20 })).toBe(500);
});

const arn = 'arn:aws:execute-api:us-east-1:000000000000:local/local/$connect';

test.each([
  [true, 'execute-api:Invoke', arn],
  [true, 'EXECUTE-API:invoke', arn],
  [true, ['x:y', 'execute-api:*'], ['other', 'arn:aws:execute-api:*/local/$connect']],
  [true, '*', 'arn:aws:execute-api:us-east-?:000000000000:local/*'],
  [false, 'execute-api:ManageConnections', arn],
  [false, 'execute-api:Invoke', arn.toUpperCase()],
  [false, 'execute-api:Invoke', `${arn}/more`],
  [false, 'execute-api:Invoke', arn.replace('$connect', '.connect')],
  [false, undefined, arn],
  [false, 'execute-api:Invoke', undefined],
])('policy: %s for %j on %j', (allowed, Action, Resource) => {
  expect(policyAllows({ Statement: [{ Effect: 'Allow', Action, Resource }] }, arn)).toBe(allowed);
});

test.each([undefined, null, 'Allow', [], {}, { Statement: ['Allow'] }])('policy: %j is none', (policy) => {
  expect(policyAllows(policy, arn)).toBeUndefined();
});
