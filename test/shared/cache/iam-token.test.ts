import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeIamToken } from '#shared/cache/iam-token.aws.ts';

const identity = { userName: 'postrider', cacheName: 'postrider-cache', region: 'eu-central-1' };
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI', sessionToken: 'a/b+c==' };
const clock = { now: () => Date.UTC(2026, 7, 16, 4, 7, 59) };

/** Signature Version 4 for query strings, written a second time from its description. */
function signedQuery(): URLSearchParams {
  const scope = '20260816/eu-central-1/elasticache/aws4_request';
  const parameters = new Map([
    ['Action', 'connect'],
    ['ResourceType', 'ServerlessCache'],
    ['User', 'postrider'],
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `AKIDEXAMPLE/${scope}`],
    ['X-Amz-Date', '20260816T040759Z'],
    ['X-Amz-Expires', '900'],
    ['X-Amz-Security-Token', 'a/b+c=='],
    ['X-Amz-SignedHeaders', 'host'],
  ]);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const query = [...parameters].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const request = ['GET', '/', query, 'host:postrider-cache', '', 'host', sha256('')].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', '20260816T040759Z', scope, sha256(request)].join('\n');
  let key: Buffer = Buffer.from('AWS4wJalrXUtnFEMI');
  for (const part of [...scope.split('/'), toSign]) key = createHmac('sha256', key).update(part).digest();
  return new URLSearchParams([...parameters, ['X-Amz-Signature', key.toString('hex')]]);
}

describe('the IAM token', () => {
  it('is a presigned request to connect, without a scheme', async () => {
    const token = await makeIamToken(identity, async () => credentials, clock);
    const [place, query] = token.split('?');

    expect(place).toBe('postrider-cache/');
    expect(Object.fromEntries(new URLSearchParams(query))).toEqual(Object.fromEntries(signedQuery()));
  });

  it('leaves the session token out where there is none', async () => {
    const { sessionToken: _, ...longLived } = credentials;
    const token = await makeIamToken(identity, async () => longLived, clock);

    expect(token).not.toContain('X-Amz-Security-Token');
  });
});
