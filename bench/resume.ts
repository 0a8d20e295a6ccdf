import { randomUUID } from 'node:crypto';
import { optionsOrExit, readArguments } from '#infra/command-line.ts';
import { startWorld } from '#test/support/world.ts';
import { type Resume, resume } from './device.ts';
import { watchHeap } from './heap.ts';
import { type Cost, type ManyConversations, measureManyConversations } from './many-conversations.ts';
import { type Load, leaveUndelivered } from './undelivered.ts';

const usage = `npm run bench:resume

Counts what it takes to come back after much was missed, and to have very many conversations, and prints it as the
tables of docs/performance.md. Calls and units are exact, and asserted at a smaller size by test/bench; times are of
this machine and its emulators, and say little about AWS. It has no options but --help.`;

optionsOrExit((args) => readArguments(args, {}), usage);

const loads: readonly Load[] = [
  { conversations: 500, messages: 20, contentBytes: 300 },
  { conversations: 10, messages: 1_000, contentBytes: 300 },
  { conversations: 40, messages: 50, contentBytes: 15_000 },
];
const manyConversations = 5_000;
const memories = [0, 10, 64];
/** Garbage is collected by hand, so not after each post. */
const postsBetweenSamples = 10;

const number = (value: number) => Math.round(value).toLocaleString('en-US');
const megabytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
const row = (...cells: readonly unknown[]) => console.log(`| ${cells.join(' | ')} |`);

const world = await startWorld();
try {
  await printResumes();
  await printManyConversations();
} finally {
  await world.stop();
}

async function printResumes(): Promise<void> {
  row('missed', 'rounds', 'pages', 'KB', 'calls, without posts and acks', 'read units', 'held, MB', 's');
  row('---', '---', '---', '---', '---', '---', '---', '---');
  for (const load of loads) {
    const userId = randomUUID();
    await leaveUndelivered(world, userId, load);
    const heap = await watchHeap();
    let posts = 0;
    const resumed = await resume(world, userId, {
      onPost() {
        posts += 1;
        if (posts % postsBetweenSamples === 0) heap.sample();
      },
    });
    printResume(load, resumed, heap.growth());
  }
}

function printResume({ conversations, messages, contentBytes }: Load, resumed: Resume, held: number): void {
  const { rounds, inOrder, mostPostsAtOnce } = resumed;
  const arrived = rounds.reduce((sum, round) => sum + round.messages, 0);
  if (arrived !== conversations * messages || !inOrder || mostPostsAtOnce !== 1)
    throw new Error(`${arrived} messages, in order: ${inOrder}, posts at once: ${mostPostsAtOnce}`);
  const total = (of: (round: Resume['rounds'][number]) => number) =>
    number(rounds.reduce((sum, round) => sum + of(round), 0));
  const callsOf = ({ calls }: Resume['rounds'][number]) =>
    Object.entries(calls).reduce((sum, [name, count]) => sum + (name === 'PostToConnection' ? 0 : count), 0);
  row(
    `${number(conversations * messages)} of ${number(contentBytes)} bytes in ${number(conversations)} conversations`,
    rounds.length,
    total(({ pages }) => pages),
    total(({ bytes }) => bytes / 1024),
    total(callsOf),
    total(({ readUnits }) => readUnits),
    megabytes(held),
    (rounds.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1_000).toFixed(1),
  );
}

async function printManyConversations(): Promise<void> {
  console.log();
  row(`${number(manyConversations)} conversations, sends remembered in each`, ...memories);
  row('---', ...memories.map(() => '---'));
  const measured: ManyConversations[] = [];
  for (const remembered of memories)
    measured.push(await measureManyConversations(world, randomUUID(), manyConversations, remembered));
  const line = (what: string, of: (index: number) => Cost) =>
    row(
      what,
      ...memories.map((_, index) => {
        const { calls, readUnits, heapBytes } = of(index);
        return `${number(calls)} calls, ${number(readUnits)} units, ${megabytes(heapBytes)} MB`;
      }),
    );
  const at = (index: number) => {
    const { [index]: found } = measured;
    if (!found) throw new Error('nothing was measured');
    return found;
  };
  line('`reconnect`, nothing missed', (index) => at(index).reconnect);
  line('the first page of 50', (index) => at(index).firstPage);
  line('all pages', (index) => at(index).allPages);
}
