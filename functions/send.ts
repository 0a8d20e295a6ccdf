import { dynamodbClient } from '#shared/aws/clients.ts';
import { makeSendMessage } from '#shared/log/send-message.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import {
  connectionGateway,
  connectionsTable,
  conversationLog,
  deliveryQueue,
  messageCipher,
  rateLimiter,
} from '#shared/runtime/parts.ts';
import { clock, random, randomBytes } from '#shared/runtime/system.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';
import { messageTiers } from '#shared/runtime/tiers.ts';

const dynamodb = dynamodbClient();
const telemetry = makeTelemetry();
const gateway = connectionGateway();
const { dataKeys, cipher } = messageCipher(dynamodb, telemetry);

const send = makeSendMessage({
  connections: connectionsTable(dynamodb),
  log: conversationLog(dynamodb),
  limiter: rateLimiter(dynamodb, telemetry),
  queue: deliveryQueue(),
  tiers: messageTiers(dynamodb, telemetry),
  cipher,
  gateway,
  clock,
  random,
  randomBytes,
  telemetry,
});

await dataKeys.warm();

export const handler = makeFrameHandler({
  useCases: { send },
  gateway,
  clock,
  telemetry,
  answers: 'respond',
});
