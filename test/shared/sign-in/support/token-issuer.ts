import { createServer, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { closeServer, listenOnLoopback } from '#localstack/http/loopback-server.ts';

type Answer = (response: ServerResponse) => void;

/** A pair of keys of an issuer, or of somebody who would like to be one. */
export async function makeSigner(keyId: string | undefined, algorithm = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const ofKey = { ...(keyId !== undefined && { kid: keyId }) };
  const jwk: JWK = { ...(await exportJWK(publicKey)), ...ofKey, alg: algorithm, use: 'sig' };
  return {
    jwk,
    publicKey,
    /** A token with exactly these claims, right or wrong. `header` changes what it says, not how it is signed. */
    sign: (
      claims: Readonly<Record<string, unknown>>,
      header: { kid?: string | undefined; typ?: string | undefined; alg?: string } = {},
    ) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: algorithm, ...ofKey, typ: 'JWT', ...header } as JWTHeaderParameters)
        .sign(privateKey),
  };
}

/** Serves `keys` as an issuer does, or whatever else is put in their place. */
export async function startKeyServer(keys: readonly JWK[]) {
  let answer: Answer = (response) => response.end(JSON.stringify({ keys }));
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    answer(response);
  });
  const port = await listenOnLoopback(server);
  return {
    uri: `http://127.0.0.1:${port}/.well-known/jwks.json`,
    requests: () => requests,
    becomes(other: Answer) {
      answer = other;
    },
    stop: () => closeServer(server),
  };
}
