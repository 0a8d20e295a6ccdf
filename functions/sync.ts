import { dynamodbClient } from '#shared/aws/clients.ts';
import { makeAcknowledge } from '#shared/mailboxes/acknowledge.ts';
import { makeListConversations } from '#shared/mailboxes/list-conversations.ts';
import { makeMarkRead } from '#shared/mailboxes/mark-read.ts';
import { makeChangeRelationship } from '#shared/members/change-relationship.ts';
import { makeReadHistory } from '#shared/reading/read-history.ts';
import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import {
  connectionGateway,
  connectionsTable,
  conversationLog,
  mailboxesTable,
  messageCipher,
  rateLimiter,
  relationshipsTable,
} from '#shared/runtime/parts.ts';
import { clock, random } from '#shared/runtime/system.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';
import { messageTiers } from '#shared/runtime/tiers.ts';

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
