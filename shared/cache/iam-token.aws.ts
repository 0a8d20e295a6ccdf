import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock } from '#shared/runtime/clock.ts';

export interface IamIdentity {
  /** The ElastiCache user, whose id and name are the same. */
  readonly userName: string;
  /** The serverless cache's name, not its address. */
  readonly cacheName: string;
  readonly region: string;
}

/** What an SDK client has as `client.config.credentials`. */
export type AwsCredentials = () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}>;

/** The longest that ElastiCache accepts. */
const secondsValid = 900;

/**
 * The password of an IAM user: a presigned request to `connect`, without its scheme. It opens connections for 15
 * minutes; a connection outlives it, by 12 hours at most.
 * https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
 */
export async function makeIamToken(
  { userName, cacheName, region }: IamIdentity,
  credentials: AwsCredentials,
  clock: Pick<Clock, 'now'>,
): Promise<string> {
  const signer = new SignatureV4({ service: 'elasticache', region, credentials, sha256: Sha256 });
  const request = await signer.presign(
    {
      method: 'GET',
      protocol: 'http:',
      hostname: cacheName,
      path: '/',
      query: { Action: 'connect', User: userName, ResourceType: 'ServerlessCache' },
      headers: { host: cacheName },
    },
    { expiresIn: secondsValid, signingDate: new Date(clock.now()) },
  );
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) query.set(name, String(value));
  return `${cacheName}/?${query}`;
}
