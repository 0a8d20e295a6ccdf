import { makeCallRecorder } from '#test/support/call-recorder.ts';
import { growMailboxes } from '#test/support/grown-mailboxes.ts';
import { intercepting, type World } from '#test/support/world.ts';
import { watchHeap } from './heap.ts';

export interface Cost {
  readonly calls: number;
  readonly readUnits: number;
  readonly heapBytes: number;
  readonly milliseconds: number;
}

export interface ManyConversations {
  /** One that finds nothing missing. */
  readonly reconnect: Cost;
  readonly firstPage: Cost;
  readonly allPages: Cost;
}

const hour = 3_600_000;
const activeInAnHour = 5;
const pageSize = 50;

/** What a user with very many conversations costs, in environments that know nothing of them. */
export async function measureManyConversations(
  world: World,
  userId: string,
  conversations: number,
  remembered: number,
): Promise<ManyConversations> {
  // Odd, because DynamoDB stores no zeros at a number's end: a round time would make each row a byte smaller.
  const now = Math.floor(Date.now() / 2) * 2 + 1;
  await growMailboxes(
    world,
    userId,
    Array.from({ length: conversations }, (_, index) => ({
      lastMessageAt: now - Math.floor(index / activeInAnHour) * hour,
      lastSeq: 100,
      deliveredSeq: 100,
      remembered,
    })),
  );
  const session = await world.join(userId, { ready: false });

  async function measure(work: (environment: ReturnType<World['environment']>) => Promise<unknown>) {
    const recorder = makeCallRecorder();
    const heap = await watchHeap();
    const watching = intercepting(world.dynamodb.client, async (_, __, next) => {
      const answer = await next();
      heap.sample();
      return answer;
    });
    const environment = world.environment({ dynamodb: recorder.dynamodb(watching) });
    const start = performance.now();
    await work(environment);
    const milliseconds = performance.now() - start;
    const readUnits = recorder.calls.reduce((sum, call) => sum + call.readUnits, 0);
    return { calls: recorder.calls.length, readUnits, heapBytes: heap.growth(), milliseconds };
  }

  async function listPages(environment: ReturnType<World['environment']>, most: number): Promise<void> {
    let cursor: string | undefined;
    for (let pages = 0; pages === 0 || (cursor !== undefined && pages < most); pages += 1) {
      const request = { action: 'conversations', limit: pageSize, ...(cursor && { cursor }) } as const;
      const page = await environment.conversations(request, session, undefined);
      cursor = page.type === 'conversations.page' ? page.cursor : undefined;
    }
  }

  return {
    reconnect: await measure(({ reconnect }) => reconnect({ action: 'reconnect' }, session, 'bench')),
    firstPage: await measure((environment) => listPages(environment, 1)),
    allPages: await measure((environment) => listPages(environment, conversations)),
  };
}
