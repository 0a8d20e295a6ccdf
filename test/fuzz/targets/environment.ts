import { readStartSettings, StartSettingError } from '#localstack/stack/start-settings.ts';
import { hoursSetting, optionalSetting, SettingError, setting } from '#shared/runtime/settings.ts';
import { type FuzzTarget, hold, textOf } from '../target.ts';

const hourMs = 3_600_000;

/** One variable of the environment, of the functions and of `npm start`: a value within its bounds, or an error that names it. */
export const target: FuzzTarget = {
  files: ['shared/runtime/settings.ts', 'localstack/stack/start-settings.ts'],
  seeds: ['24', '0.5', '', '4510', '8760', 'Infinity', '1e400'],
  words: ['1e', '0x', '-', '.', ' ', 'Infinity', 'NaN', '_'],
  run(input) {
    const VALUE = textOf(input);
    const environment = { VALUE, PORT: VALUE, DATA_DIR: VALUE };
    hold(optionalSetting('VALUE', environment) === (VALUE || undefined), 'another text');
    hold(
      (refusalOf(() => setting('VALUE', environment)) === undefined) === (VALUE !== ''),
      'an empty setting',
    );
    const hours = refusalOf(() => {
      const milliseconds = hoursSetting('VALUE', 24, environment);
      hold(milliseconds > 0 && milliseconds <= 8_760 * hourMs, 'hours out of bounds');
    });
    hold(!hours || (hours instanceof SettingError && hours.message.includes('VALUE')), `a defect: ${hours}`);
    const start = refusalOf(() => {
      const { port } = readStartSettings(environment);
      hold(Number.isInteger(port) && port >= 0 && port <= 65_535, 'a port that is none');
    });
    hold(
      !start || (start instanceof StartSettingError && start.message.includes('PORT')),
      `a defect: ${start}`,
    );
  },
};

function refusalOf(read: () => void): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error;
  }
}
