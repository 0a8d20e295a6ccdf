/** The numbers of the wire contract. Bytes are bytes of UTF-8. */
export const limits = {
  /** One frame, either way. API Gateway closes with 1009 above it and meters by it. */
  frameBytes: 32_768,
  contentBytes: 16_384,
  /** `JSON.stringify(content)`, its quotes included, so that every accepted message fits into every frame that may carry it. */
  contentJsonBytes: 31_000,
  requestIdLength: 64,
  clientMessageIdLength: 64,
  userIdLength: 128,
  /** Characters of an epoch: which life of the data positions belong to. */
  epochLength: 256,
  reconnectPositions: 500,
  ackPositions: 100,
  historyLimit: 100,
  historyDefault: 50,
  conversationsLimit: 100,
  conversationsDefault: 50,
  connectionsPerUser: 20,
  /** Each sender's last sends in each conversation that a repeated `clientMessageId` is recognised among. */
  rememberedSends: 64,
} as const;

/** The subprotocol that the server selects, and the prefix of the one that carries the token. */
export const subprotocol = 'postrider.v1';
export const bearerSubprotocolPrefix = 'bearer.';
