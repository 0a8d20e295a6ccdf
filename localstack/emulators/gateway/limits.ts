/** The quotas of API Gateway WebSocket APIs. Bytes are bytes on the wire after unmasking. */
export interface GatewayLimits {
  /** Milliseconds without data in either direction until the connection is closed with 1001. */
  readonly idleMs: number;
  /** Milliseconds after which every connection is closed with 1001, busy or not. */
  readonly lifeMs: number;
  /** Milliseconds that an integration or the authorizer may take. */
  readonly integrationMs: number;
  /** Milliseconds that a peer has to answer a close frame before its socket is destroyed. */
  readonly closeMs: number;
  readonly frameBytes: number;
  readonly messageBytes: number;
  /** What may wait for a slow reader before `@connections` answers 429. */
  readonly clientBufferBytes: number;
  readonly handshakesPerSecond: number;
  readonly handshakeBurst: number;
  /** Handshakes, inbound messages and `@connections` calls together. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
}

/**
 * AWS's default quotas ("Amazon API Gateway quotas and important notes", WebSocket APIs). `closeMs`, `clientBufferBytes`
 * and `handshakeBurst` are published nowhere: they are choices of this gateway.
 */
export const defaultLimits: GatewayLimits = {
  idleMs: 600_000,
  lifeMs: 7_200_000,
  integrationMs: 29_000,
  closeMs: 2_000,
  frameBytes: 32_768,
  messageBytes: 131_072,
  clientBufferBytes: 262_144,
  handshakesPerSecond: 500,
  handshakeBurst: 500,
  requestsPerSecond: 10_000,
  requestBurst: 5_000,
};
