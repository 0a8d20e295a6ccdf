import { readSettings, type Settings, settingNames, settingPrefix } from '#infra/settings.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

const right = {
  name: 'Chat',
  issuer: 'https://issuer.example',
  audience: 'app',
  jwksUri: 'https://issuer.example/keys',
  tokenScope: 'messages',
  cache: 'vpc',
  domainName: 'chat.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/abc',
  rateLimits: '{"messagesPerUser":{"burst":60}}',
  trustedNetworks: '203.0.113.0/24,2001:db8::/32',
  dataKeyHours: 24,
  alarmEmail: 'ops@example.com',
  logLevel: 'INFO',
  logRetentionDays: 30,
  requestsPerSecond: '100',
  selfSignUp: false,
};
const prefixed = (settings: object) =>
  JSON.stringify(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [settingPrefix + name, value])),
  );

/** The CDK context: settings within their bounds, or one error that names what is wrong. */
export const target: FuzzTarget = {
  files: ['infra/settings.ts', 'infra/setting-parsers.ts', 'shared/limits/rate-limit-settings.ts'],
  seeds: [
    prefixed(right),
    prefixed({ issuer: right.issuer, audience: right.audience }),
    prefixed({ domainName: right.domainName, certificateArn: right.certificateArn }),
    ...Object.entries(right).map(([name, value]) => prefixed({ [name]: value })),
    '{}',
  ],
  words: [
    ...settingNames.map((name) => `"${settingPrefix}${name}":`),
    ...['"__proto__":', 'true', 'null', '"none"', '{', '}', ',', ' ', '\\n'],
  ],
  run(input) {
    const context = contextOf(textOf(input));
    const settings = context && settingsOf(context);
    if (!settings) return;
    hold(
      Object.keys(settings).every((name) => settingNames.includes(name)),
      'a setting that is none',
    );
    hold(
      (settings.issuer === undefined) === (settings.audience === undefined),
      'an issuer without an audience',
    );
    hold(
      settings.issuer !== undefined || settings.tokenScope === undefined,
      'a scope that no token of the user pool has',
    );
    const { rateLimits: _, ...others } = settings;
    for (const text of Object.values(others)) hold(!/\s/.test(String(text)), 'a setting of several words');
    hold(settings.issuerKeysHours >= 1 && settings.issuerKeysHours <= 168, 'keys of the issuer for ever');
    hold(
      settings.audience === undefined ||
        settings.audience.every((name) => name !== '' && !name.includes(',')),
      'an audience without a name',
    );
    hold(settings.dataKeyHours >= 1 && settings.dataKeyHours <= 8_760, 'data keys of another age');
  },
};

function contextOf(text: string): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function settingsOf(context: Record<string, unknown>): Settings | undefined {
  try {
    return readSettings(context);
  } catch (error) {
    hold(error instanceof Error && error.message.startsWith('Settings to correct'), `a defect: ${error}`);
    return undefined;
  }
}
