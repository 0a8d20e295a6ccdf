import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { makeSigner, startKeyServer } from '#test/shared/sign-in/support/token-issuer.ts';

const [issuer, audience] = ['https://issuer.example', 'postrider'];
const methodArn = 'arn:aws:execute-api:us-east-1:123456789012:abcdef/prod/$connect';
const requestContext = { connectionId: 'c1' };
const expiresAt = Math.floor(Date.now() / 1000) + 3_600;

const signer = await makeSigner('k1');
const tokenOf = (sub: string, more: object = {}) =>
  signer.sign({ iss: issuer, aud: audience, sub, exp: expiresAt, ...more });
const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')];

let keyServer: Awaited<ReturnType<typeof startKeyServer>>;
beforeAll(async () => {
  keyServer = await startKeyServer([signer.jwk]);
});
afterAll(() => keyServer.stop());

type Headers = Record<string, string | undefined>;
let authorize: (headers?: Headers, multiValueHeaders?: Record<string, string[]>) => Promise<unknown>;

/** The function as a cold start makes it, from its settings. */
async function coldStart(settings: Record<string, string> = {}): Promise<void> {
  const environment = {
    TOKEN_ISSUER: issuer,
    TOKEN_AUDIENCE: audience,
    TOKEN_JWKS_URI: keyServer.uri,
    EPOCH: 'this life',
    ...settings,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.resetModules();
  const { handler } = await import('#functions/authorize.ts');
  authorize = (headers, multiValueHeaders) =>
    handler({
      methodArn,
      requestContext,
      ...(headers && { headers }),
      ...(multiValueHeaders && { multiValueHeaders }),
    });
}

/** What it writes for CloudWatch: log lines, and metrics among them. */
const lines: string[] = [];

beforeEach(async () => {
  lines.length = 0;
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
  await coldStart();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const counters = () =>
  lines
    .map((line) => JSON.parse(line))
    .filter(({ _aws }) => _aws !== undefined)
    .map(({ AuthorizeRefused, AuthorizeFailed }) => ({ AuthorizeRefused, AuthorizeFailed }));
const messages = () => lines.map((line) => JSON.parse(line)).filter(({ _aws }) => _aws === undefined);

const policy = (Effect: 'Allow' | 'Deny') => ({
  Version: '2012-10-17',
  Statement: [{ Action: 'execute-api:Invoke', Effect, Resource: methodArn }],
});
const allowed = {
  principalId: 'alice',
  policyDocument: policy('Allow'),
  context: { userId: 'alice', tokenExpiresAt: String(expiresAt), epoch: 'this life' },
};
/** The only message that API Gateway turns into a 401. */
const unauthorized = /^Unauthorized$/;
const offer = (value: string): Headers => ({ 'Sec-WebSocket-Protocol': value });

test.for<[string, Headers]>([
  ['the header', { Authorization: `Bearer ${alice}` }],
  ['the header in small letters', { authorization: `Bearer ${alice}` }],
  ['the header in capitals', { AUTHORIZATION: `Bearer ${alice}` }],
  ['the scheme in small letters', { Authorization: `bearer ${alice}` }],
  ['several spaces', { Authorization: `Bearer   ${alice}` }],
  ['the subprotocol', offer(`postrider.v1, bearer.${alice}`)],
  ['the subprotocol, in another order and without spaces', offer(`bearer.${alice},postrider.v1`)],
  ['the subprotocol alone', offer(`bearer.${alice}`)],
  ['the subprotocol in small letters', { 'sec-websocket-protocol': `postrider.v1, bearer.${alice}` }],
  ['the subprotocol twice', offer(`postrider.v1, bearer.${alice}, bearer.${alice}`)],
  ['both alike', { ...offer(`postrider.v1, bearer.${alice}`), Authorization: `Bearer ${alice}` }],
  // Browsers keep such a header for a site and send it by themselves.
  [
    'the subprotocol beside another scheme',
    { ...offer(`bearer.${alice}`), Authorization: 'Basic Zm9vOmJhcg==' },
  ],
  ['the subprotocol beside a scheme like ours', { ...offer(`bearer.${alice}`), Authorization: 'BearerX x' }],
  ['the subprotocol beside an empty header', { ...offer(`bearer.${alice}`), Authorization: '' }],
  ['the subprotocol beside one of spaces', { ...offer(`bearer.${alice}`), Authorization: '  ' }],
])('the token is taken from %s', async ([, headers]) => {
  expect(await authorize(headers)).toStrictEqual(allowed);
});

test.for<[string, Headers | undefined]>([
  ['no headers', undefined],
  ['none of the headers', { Host: 'example' }],
  ['an empty header', { Authorization: '' }],
  // A browser would send it along to whatever page asks: that is how connections are hijacked.
  ['a cookie', { Cookie: `token=${alice}; Authorization=Bearer ${alice}` }],
  ['the scheme alone', { Authorization: 'Bearer' }],
  ['the scheme and a space', { Authorization: 'Bearer ' }],
  ['no scheme', { Authorization: alice }],
  ['another scheme', { Authorization: `Basic ${alice}` }],
  ['the scheme glued to the token', { Authorization: `Bearer${alice}` }],
  ['something before the scheme', { Authorization: `x Bearer ${alice}` }],
  ['something after the token', { Authorization: `Bearer ${alice} ${alice}` }],
  ['a comma after the token', { Authorization: `Bearer ${alice},` }],
  ['no token among the subprotocols', offer('postrider.v1')],
  ['an empty token among the subprotocols', offer('postrider.v1, bearer.')],
  ['the token without its prefix', offer(`postrider.v1, ${alice}`)],
  ['a token that is none', { Authorization: 'Bearer x' }],
  ['a subprotocol that is no token', offer('postrider.v1, bearer.x')],
])('%s: unauthorized', async ([, headers]) => {
  await expect(authorize(headers)).rejects.toThrow(unauthorized);
});

test.for<[string, Headers]>([
  ['two users', { Authorization: `Bearer ${alice}`, ...offer(`bearer.${bob}`) }],
  ['a user and a broken token', { Authorization: `Bearer ${alice}`, ...offer('bearer.x') }],
  ['a broken token and a user', { Authorization: 'Bearer x', ...offer(`bearer.${alice}`) }],
  ['a user and an empty token', { Authorization: `Bearer ${alice}`, ...offer('bearer.') }],
  ['no token behind the scheme and a user', { Authorization: 'Bearer', ...offer(`bearer.${alice}`) }],
  [
    'what a page sends without a token, and a user',
    { Authorization: 'Bearer undefined', ...offer(`bearer.${alice}`) },
  ],
  [
    'two words behind the scheme and a user',
    { Authorization: `bearer ${alice} x`, ...offer(`bearer.${alice}`) },
  ],
])(
  'header and subprotocol of %s: unauthorized, because one of them is not the client’s',
  async ([, headers]) => {
    await expect(authorize(headers)).rejects.toThrow(unauthorized);
  },
);

test.for([
  ['two users', `bearer.${alice}, bearer.${bob}`],
  ['a user and a broken token', `bearer.${alice}, bearer.x`],
  ['a user, and an empty token', `bearer.${alice}, bearer.`],
  ['an empty token, and a user', `bearer., bearer.${alice}`],
] as const)('several subprotocols, of %s: unauthorized', async ([, protocols]) => {
  await expect(authorize(offer(`postrider.v1, ${protocols}`))).rejects.toThrow(unauthorized);
});

test('a header and subprotocols of which only some agree: unauthorized', async () => {
  const headers = { Authorization: `Bearer ${alice}`, ...offer(`bearer.${alice}, bearer.${bob}`) };

  await expect(authorize(headers)).rejects.toThrow(unauthorized);
});

test('an expired token is unauthorized', async () => {
  const expired = await tokenOf('alice', { exp: Math.floor(Date.now() / 1000) - 1 });

  await expect(authorize({ Authorization: `Bearer ${expired}` })).rejects.toThrow(unauthorized);
});

test('a right token of somebody who may not come in gets a policy that denies, and no context', async () => {
  const nobody = await tokenOf('cannot be a user');

  expect(await authorize({ Authorization: `Bearer ${nobody}` })).toStrictEqual({
    principalId: 'forbidden',
    policyDocument: policy('Deny'),
  });
});

test('so does one without the scope that a setting requires', async () => {
  await coldStart({ TOKEN_SCOPE: 'messages' });

  expect(await authorize({ Authorization: `Bearer ${alice}` })).toMatchObject({
    policyDocument: policy('Deny'),
  });
  const scoped = await tokenOf('alice', { scope: 'openid messages' });
  expect(await authorize({ Authorization: `Bearer ${scoped}` })).toStrictEqual(allowed);
});

test('one of several audiences is enough', async () => {
  await coldStart({ TOKEN_AUDIENCE: `android,${audience}` });

  expect(await authorize({ Authorization: `Bearer ${alice}` })).toStrictEqual(allowed);
  const both = await tokenOf('alice', { aud: `android,${audience}` });
  await expect(authorize({ Authorization: `Bearer ${both}` })).rejects.toThrow(unauthorized);
});

test('keys that cannot be had are neither a 401 nor a 403', async () => {
  const away = await startKeyServer([]);
  await away.stop();
  await coldStart({ TOKEN_JWKS_URI: away.uri });

  await expect(authorize({ Authorization: `Bearer ${alice}` })).rejects.toThrow(
    expect.not.objectContaining({ message: 'Unauthorized' }),
  );
});

test.for<[string, () => Headers | Promise<Headers>]>([
  ['no token', () => ({})],
  ['several tokens', () => ({ Authorization: `Bearer ${alice}`, ...offer(`bearer.${bob}`) })],
  ['malformed', () => ({ Authorization: 'Bearer x' })],
  ['expired', async () => ({ Authorization: `Bearer ${await tokenOf('alice', { exp: 1 })}` })],
  ['subject', async () => ({ Authorization: `Bearer ${await tokenOf('cannot be a user')}` })],
])('a refusal is ordinary: its reason is logged, and it counts as no failure: %s', async ([reason, make]) => {
  await authorize(await make()).catch(() => {});

  expect(messages()).toEqual([
    expect.objectContaining({ level: 'WARN', message: 'handshake refused', reason, connectionId: 'c1' }),
  ]);
  expect(counters()).toEqual([{ AuthorizeRefused: 1 }]);
});

test('a yes is not logged', async () => {
  await authorize({ Authorization: `Bearer ${alice}` });

  expect(messages()).toEqual([]);
});

test('keys that cannot be had count as a failure, and as no refusal', async () => {
  const away = await startKeyServer([]);
  await away.stop();
  await coldStart({ TOKEN_JWKS_URI: away.uri });

  await authorize({ Authorization: `Bearer ${alice}` }).catch(() => {});

  expect(messages()).toEqual([
    expect.objectContaining({ level: 'ERROR', message: 'authorization failed', error: expect.anything() }),
  ]);
  expect(counters()).toEqual([{ AuthorizeFailed: 1 }]);
});

test('no error or log line names the token that it is about', async () => {
  const away = await startKeyServer([]);
  await away.stop();
  const failing = [
    () => authorize({ Authorization: 'Bearer x' }),
    () => authorize({ Authorization: `Bearer ${alice}`, ...offer(`bearer.${bob}`) }),
    async () => {
      await coldStart({ TOKEN_JWKS_URI: away.uri });
      await authorize({ Authorization: `Bearer ${alice}` });
    },
  ];
  for (const fail of failing) {
    const error = await fail().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    // All that Lambda writes of an error, and all that the function does.
    expect(inspect(error, { depth: 9 }) + lines.join('')).not.toMatch(
      new RegExp(`${alice.slice(-40)}|${bob.slice(-40)}`),
    );
  }
});

test.for(['TOKEN_ISSUER', 'TOKEN_AUDIENCE', 'TOKEN_JWKS_URI'])(
  'without %s it does not start',
  async (name) => {
    await expect(coldStart({ [name]: '' })).rejects.toThrow(name);
  },
);

test.for([
  ['TOKEN_AUDIENCE', ','],
  ['TOKEN_KEYS_HOURS', 'often'],
  ['TOKEN_KEYS_HOURS', '0'],
])('nor with %s = %s', async ([name = '', value = '']) => {
  await expect(coldStart({ [name]: value })).rejects.toThrow(name);
});

test('another scheme on one line, and ours on the next', async () => {
  const lines = { Authorization: ['Basic Zm9vOmJhcg==', `Bearer ${alice}`] };

  expect(await authorize({ Authorization: `Bearer ${alice}` }, lines)).toEqual(allowed);
});

test('a subprotocol list on several lines counts as on one', async () => {
  const lines = (...values: string[]) => ({ 'Sec-WebSocket-Protocol': values });
  const last = offer('postrider.v1');

  expect(await authorize(last, lines(`bearer.${alice}`, 'postrider.v1'))).toEqual(allowed);
  await expect(authorize(last, lines(`bearer.${bob}`, `bearer.${alice}, postrider.v1`))).rejects.toThrow(
    unauthorized,
  );
  const both = { Authorization: [`Bearer ${alice}`], ...lines(`bearer.${bob}`, 'postrider.v1') };
  await expect(authorize({ ...last, Authorization: `Bearer ${alice}` }, both)).rejects.toThrow(unauthorized);
});
