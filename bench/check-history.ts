import { parseArgs } from 'node:util';
import { check } from '../test/contract/history/check.ts';
import { makeRandom } from '../test/contract/history/random.ts';
import { makeSoundHistory } from '../test/contract/history/sound-history.ts';

/**
 * How long the checker of client histories takes, by how much was recorded:
 * `npm run bench:history -- --events 1000000`. Three sizes tell whether it grows in proportion.
 */
const { values } = parseArgs({ options: { events: { type: 'string', default: '1000000' } } });
const most = Number(values.events);
if (!Number.isSafeInteger(most) || most < 1_000)
  throw new RangeError(`--events is a whole number from 1000, not "${values.events}".`);

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
