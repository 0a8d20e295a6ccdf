import { dynamodbClient } from '#shared/runtime/clients.ts';
import { clock, random } from '#shared/runtime/clock.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.ts';
import {
  connectionGateway,
  connectionsTable,
  conversationLog,
  mailboxesTable,
  messageCipher,
  rateLimiter,
} from '#shared/runtime/parts.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.ts';
import { messageTiers } from '#shared/runtime/tiers.ts';
import { makeReconnect } from '#shared/use-cases/reconnect.ts';

const dynamodb = dynamodbClient();
const telemetry = makeTelemetry();
const gateway = connectionGateway();

const reconnect = makeReconnect({
  connections: connectionsTable(dynamodb),
  log: conversationLog(dynamodb),
  mailboxes: mailboxesTable(dynamodb),
  limiter: rateLimiter(dynamodb, telemetry),
  tiers: messageTiers(dynamodb, telemetry),
  cipher: messageCipher(dynamodb, telemetry).cipher,
  gateway,
  clock,
  random,
  telemetry,
});

export const handler = makeFrameHandler({
  useCases: { reconnect },
  gateway,
  clock,
  telemetry,
  answers: 'post',
});
