import type { Requests } from '#shared/actions.ts';
import type { MessageCache } from '#shared/cache/message-cache.ts';
import type { StoredMessage } from '#shared/log/message.ts';
import type { Session } from '#test/support/world.ts';
import { intercepting, type World } from './world.ts';

interface Observed {
  /** The seqs of each answer. */
  readonly answers: number[][];
}

interface ObservedTier extends Observed {
  readonly tier: MessageCache;
  /** Of what was kept, in order. */
  readonly kept: number[];
  readonly dropped: number[];
}

/** A tier with a record of what it was asked to do. */
function observeTier(tier: MessageCache): ObservedTier {
  const answers: number[][] = [];
  const kept: number[] = [];
  const dropped: number[] = [];
  return {
    answers,
    kept,
    dropped,
    tier: {
      async put(...messages) {
        kept.push(...seqsOf(messages));
        await tier.put(...messages);
      },
      async range(conversationId, from, to) {
        const found = await tier.range(conversationId, from, to);
        answers.push(seqsOf(found));
        return found;
      },
      async drop(conversationId, seq) {
        dropped.push(seq);
        await tier.drop(conversationId, seq);
      },
    },
  };
}

/** The world's database, with a record of the messages that its queries gave. */
function observeDatabase({ dynamodb }: Pick<World, 'dynamodb'>) {
  const answers: number[][] = [];
  const client = intercepting(dynamodb.client, async (name, { input }, next) => {
    const answer = await next();
    const { TableName } = input as { TableName?: string };
    if (name === 'QueryCommand' && TableName === dynamodb.tableNames.messages)
      answers.push(seqsOf((answer as { Items?: StoredMessage[] }).Items ?? []));
    return answer;
  });
  return { answers, client };
}

function seqsOf(messages: readonly StoredMessage[]): number[] {
  return messages.map(({ seq }) => seq).sort((one, other) => one - other);
}

type Fields = Omit<Requests['history'], 'action' | 'conversationId'>;

/** An environment over these tiers, fastest first, with what each of them and the database gave. */
export function observeEnvironment(world: World, caches: readonly MessageCache[]) {
  const tiers = caches.map(observeTier);
  const database = observeDatabase(world);
  const environment = world.environment({
    tiers: tiers.map(({ tier }) => tier),
    dynamodb: database.client,
  });
  const history = async (session: Session, conversationId: string, fields: Fields) => {
    const request = { action: 'history', conversationId, ...fields } as const;
    const reply = await environment.history(request, session, undefined);
    if (reply.type !== 'history.page') throw new Error(reply.type);
    return reply.messages;
  };
  const forget = () => {
    for (const { answers } of [...tiers, database]) answers.length = 0;
  };
  return { environment, history, tiers, database, forget };
}

/** A `reconnect` of another connection of the user; the messages that it sent. */
export async function drain(world: World, environment: ReturnType<World['environment']>, userId: string) {
  const session = await world.join(userId, { ready: false });
  await environment.reconnect({ action: 'reconnect', positions: new Map() }, session, 'r');
  return (world.gateway.frames.get(session.connectionId) ?? []).flatMap((frame) =>
    frame.type === 'reconnect.page' ? frame.messages : [],
  );
}
