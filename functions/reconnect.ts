import { dynamodbClient } from '#shared/aws/clients.ts';
import { makeReconnect } from '#shared/resume/reconnect.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import {
  connectionGateway,
  connectionsTable,
  conversationLog,
  mailboxesTable,
  messageCipher,
  rateLimiter,
} from '#shared/runtime/parts.ts';
import { clock, random } from '#shared/runtime/system.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';
import { messageTiers } from '#shared/runtime/tiers.ts';

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
