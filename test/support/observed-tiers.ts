import type { StoredMessage } from '#shared/domain/message.ts';
import type { MessageCache } from '#shared/use-cases/ports.ts';
import { intercepting, type World } from './world.ts';

export interface Observed {
  /** The seqs of each answer. */
  readonly answers: number[][];
}

export interface ObservedTier extends Observed {
  readonly tier: MessageCache;
  /** Of what was kept, in order. */
  readonly kept: number[];
  readonly dropped: number[];
}

/** A tier with a record of what it was asked to do. */
export function observeTier(tier: MessageCache): ObservedTier {
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
export function observeDatabase({ dynamodb }: Pick<World, 'dynamodb'>) {
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
