import { optionsOrExit, readArguments, wholeNumber } from '#infra/command-line.ts';
import { check } from '../test/contract/history/check.ts';
import { makeRandom } from '../test/contract/history/random.ts';
import { makeSoundHistory } from '../test/contract/history/sound-history.ts';

const usage = `npm run bench:history -- [options]

How long the checker of client histories takes, by how much was recorded. Three sizes, a hundredth, a tenth and the whole,
tell whether it grows in proportion: docs/checker.md.

  --events N  how much was recorded (1000000)
  --help`;

const most = optionsOrExit((args) => {
  const { events } = readArguments(args, { events: { type: 'string', default: '1000000' } });
  return wholeNumber('--events', events, 1_000, 100_000_000);
}, usage);

/** A step makes about that many events, the ends of all devices included. */
const eventsPerStep = 1.24;
const stepsPerUser = 175;

const write = (line: string) => void process.stdout.write(`${line}\n`);
for (const share of [0.01, 0.1, 1]) {
  const steps = Math.ceil((most * share) / eventsPerStep);
  const users = Math.max(2, Math.ceil(steps / stepsPerUser));
  const events = makeSoundHistory({ random: makeRandom(1), users, steps });
  const begun = process.cpuUsage();
  const violations = check(events);
  const { user, system } = process.cpuUsage(begun);
  const seconds = (user + system) / 1e6;
  const each = ((seconds / events.length) * 1e6).toFixed(1);
  write(
    `${events.length} events of ${users} users: ${seconds.toFixed(2)} s of CPU, ${each} µs each, ${violations.length} violations`,
  );
}
