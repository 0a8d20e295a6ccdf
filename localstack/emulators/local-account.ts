/** The account that the local services pretend to be in. Nothing here is a secret, and none of them checks a signature. */
export const localAccount = {
  accountId: '000000000000',
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
} as const;

/** What a client of the SDK needs to speak to a local service. */
export function clientSettings(endpoint: string) {
  return { endpoint, region: localAccount.region, credentials: localAccount.credentials };
}
