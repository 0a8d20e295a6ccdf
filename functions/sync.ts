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
  relationshipsTable,
} from '#shared/runtime/parts.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.ts';
import { messageTiers } from '#shared/runtime/tiers.ts';
import { makeAcknowledge } from '#shared/use-cases/acknowledge.ts';
import { makeChangeRelationship } from '#shared/use-cases/change-relationship.ts';
import { makeListConversations } from '#shared/use-cases/list-conversations.ts';
import { makeMarkRead } from '#shared/use-cases/mark-read.ts';
import { makeReadHistory } from '#shared/use-cases/read-history.ts';

const dynamodb = dynamodbClient();
const telemetry = makeTelemetry();
const gateway = connectionGateway();
const dependencies = {
  connections: connectionsTable(dynamodb),
  log: conversationLog(dynamodb),
  mailboxes: mailboxesTable(dynamodb),
  relationships: relationshipsTable(dynamodb),
  limiter: rateLimiter(dynamodb, telemetry),
  tiers: messageTiers(dynamodb, telemetry),
  cipher: messageCipher(dynamodb, telemetry).cipher,
  gateway,
  clock,
  random,
  telemetry,
};
const changeRelationship = makeChangeRelationship(dependencies);

/** The small requests, one use case each. A `ping` is here for the expiry of its token, which an idle client asks for. */
export const handler = makeFrameHandler({
  useCases: {
    ack: makeAcknowledge(dependencies),
    read: makeMarkRead(dependencies),
    history: makeReadHistory(dependencies),
    conversations: makeListConversations(dependencies),
    block: changeRelationship,
    unblock: changeRelationship,
    ping: async () => ({ type: 'pong' }),
  },
  gateway,
  clock,
  telemetry,
  answers: 'respond',
});
