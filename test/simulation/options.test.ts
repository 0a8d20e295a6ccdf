import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('without options: the first 1,000 seeds, in one thread', () => {
  expect(parseOptions([])).toMatchObject({ from: 1, seeds: 1000, workers: 1, single: false, first: false });
});

test('one seed is looked at closely', () => {
  expect(parseOptions(['--seed', '7', '--trace'])).toMatchObject({
    from: 7,
    seeds: 1,
    single: true,
    trace: true,
  });
});

test.for<[string[], RegExp]>([
  [['--seeds', 'many'], /^--seeds is a whole number from 1 to \d+, not "many"\.$/],
  [['--seeds', '0'], /^--seeds/],
  [['--from', '-1'], /--from/],
  [['--from', '1.5'], /^--from/],
  [['--workers', '1000'], /^--workers is a whole number from 1/],
  [['--sed', '1'], /--sed/],
  [['--seed', '1', '--seeds', '2'], /^--seed names one seed/],
  [['--trace'], /^--trace .* --seed N/],
  [['7'], /7/],
])('%j is refused with what is wrong', ([args, message]) => {
  expect(() => parseOptions(args)).toThrow(
    expect.objectContaining({ name: 'OptionError', message: expect.stringMatching(message) }),
  );
});
