import { Bucket } from 'aws-cdk-lib/aws-s3';
import { expect, test, vi } from 'vitest';
import { addChecks, addPostrider } from '#infra/postrider.ts';
import { readSettings } from '#infra/settings.ts';
import { prepareApp } from './support/synthesise.ts';

vi.setConfig({ testTimeout: 180_000 });

const own = { issuer: 'https://login.example.com', audience: 'chat' };
const domain = {
  domainName: 'chat.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000000',
};

test.each([
  ['as it comes', {}],
  [
    'with a log role of its own and all that costs more',
    { apiGatewayLogRole: 'create', concurrency: 1_000, warmReadsPerSecond: 12_000 },
  ],
  [
    'with an issuer, a domain and a cache inside a VPC',
    { ...own, ...domain, cache: 'vpc', alarmEmail: 'a@example.com' },
  ],
  [
    'without a cache, to be thrown away',
    { cache: 'none', keepData: false, tracing: false, apiGatewayLogRole: 'exists' },
  ],
])('cdk-nag finds nothing %s', (_, changes) => {
  const { app, bundles, context } = prepareApp(changes);
  addChecks(app);
  addPostrider(app, readSettings(context), bundles);
  expect(() => app.synth()).not.toThrow();
});

test('it would find something', () => {
  const { app, bundles, context } = prepareApp({ cache: 'none' });
  addChecks(app);
  const { messaging } = addPostrider(app, readSettings(context), bundles);
  new Bucket(messaging, 'Careless');
  expect(() => app.synth()).toThrow(/AwsSolutions-S10/);
});
