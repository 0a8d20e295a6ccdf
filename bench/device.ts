import type { Requests } from '#shared/actions.ts';
import type { MessageCache } from '#shared/cache/message-cache.ts';
import type { ConnectionGateway } from '#shared/connections/gateway.ts';
import type { Message, Reply } from '#shared/protocol/replies.ts';
import { makeCallRecorder, type RecordedCall } from '#test/support/call-recorder.ts';
import { testEpoch, type World } from '#test/support/world.ts';

/** One `reconnect`: what came, and what it took. */
export interface Round {
  readonly messages: number;
  readonly pages: number;
  readonly bytes: number;
  readonly largestFrame: number;
  readonly more: boolean;
  /** By the SDK's name of the command. */
  readonly calls: Readonly<Record<string, number>>;
  readonly readUnits: number;
  readonly milliseconds: number;
}

export interface Resume {
  readonly rounds: readonly Round[];
  /** Calls that the `ack` requests between the rounds took. */
  readonly ackCalls: number;
  /** 1: each post waited for the one before it. */
  readonly mostPostsAtOnce: number;
  /** Whether each conversation's messages came in order, without a gap, once. */
  readonly inOrder: boolean;
}

export interface ResumeOptions {
  /** Where the device stands; without it, at what was acknowledged. */
  readonly positions?: Requests['reconnect']['positions'];
  readonly tiers?: readonly MessageCache[];
  /** Called after each post. */
  onPost?(): void;
}

/** At most so many in one `ack`. */
const ackPositions = 100;

/** A device that comes back and does as the protocol says until nothing is left: drain, acknowledge, again. */
export async function resume(world: World, userId: string, options: ResumeOptions = {}): Promise<Resume> {
  const session = await world.join(userId, { ready: false });
  const held = new Map(options.positions);
  const recorder = makeCallRecorder();
  const far = makeFarEnd(held, options.onPost);
  const environment = world.environment({
    dynamodb: recorder.dynamodb(world.dynamodb.client),
    gateway: recorder.gateway(far.gateway),
    ...(options.tiers && { tiers: options.tiers }),
  });
  const rounds: Round[] = [];
  let ackCalls = 0;
  for (;;) {
    const before = new Map(held);
    recorder.reset();
    const start = performance.now();
    const positions = options.positions && { positions: new Map(held), epoch: testEpoch };
    await environment.reconnect({ action: 'reconnect', ...positions }, session, 'bench');
    const round = { ...far.take(), ...costOf(recorder.calls), milliseconds: performance.now() - start };
    rounds.push(round);
    if (!round.more) break;
    recorder.reset();
    const risen = [...held].filter(([id, seq]) => before.get(id) !== seq);
    for (let index = 0; index < risen.length; index += ackPositions)
      await environment.acknowledge(
        { action: 'ack', positions: new Map(risen.slice(index, index + ackPositions)) },
        session,
      );
    ackCalls += recorder.calls.length;
  }
  return { rounds, ackCalls, ...far.verdict() };
}

/** The device's end of the connection. It keeps positions, not messages: what is measured is the server. */
function makeFarEnd(held: Map<string, number>, onPost: (() => void) | undefined) {
  let round = { messages: 0, pages: 0, bytes: 0, largestFrame: 0, more: false };
  let atOnce = 0;
  let mostPostsAtOnce = 0;
  let inOrder = true;

  function receive({ conversationId, seq }: Message): void {
    inOrder &&= seq === (held.get(conversationId) ?? 0) + 1;
    held.set(conversationId, seq);
    round.messages += 1;
  }

  const gateway: ConnectionGateway = {
    async post(_, frame) {
      atOnce += 1;
      mostPostsAtOnce = Math.max(mostPostsAtOnce, atOnce);
      const bytes = Buffer.byteLength(frame);
      round.bytes += bytes;
      round.largestFrame = Math.max(round.largestFrame, bytes);
      const reply = JSON.parse(frame) as Reply;
      if (reply.type === 'reconnect.page') {
        round.pages += 1;
        for (const message of reply.messages) receive(message);
      }
      if (reply.type === 'reconnect.done') round.more = reply.more;
      onPost?.();
      await new Promise(setImmediate);
      atOnce -= 1;
      return 'posted';
    },
    close: async () => 'closed',
  };
  return {
    gateway,
    take() {
      const done = round;
      round = { messages: 0, pages: 0, bytes: 0, largestFrame: 0, more: false };
      return done;
    },
    verdict: () => ({ mostPostsAtOnce, inOrder }),
  };
}

function costOf(recorded: readonly RecordedCall[]): Pick<Round, 'calls' | 'readUnits'> {
  const calls: Record<string, number> = {};
  for (const { name } of recorded) calls[name] = (calls[name] ?? 0) + 1;
  return { calls, readUnits: recorded.reduce((sum, call) => sum + call.readUnits, 0) };
}
