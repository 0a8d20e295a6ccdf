import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  defaultName,
  isSettingName,
  readSettings,
  refuse,
  type Settings,
  settingPrefix,
} from './settings.ts';

type Values = Readonly<Record<string, unknown>>;

/** Where the settings of each environment lie: `settings/{name}.json`. */
const settingsFolder = fileURLToPath(new URL('../settings', import.meta.url));

/**
 * The settings of an environment: those of its file, then those of the cdk context, which count more. Which file it is
 * the setting `name` decides; without that file there are the context's and the defaults.
 * Throws one `SettingsError` that names everything that is wrong, each with what to write instead.
 */
export function settingsOfEnvironment(context: Values, folder: string = settingsFolder): Settings {
  const name = String(context[`${settingPrefix}name`] || defaultName);
  const file = `${name}.json`;
  refuse([...otherCase(folder, file)]);
  const path = join(folder, file);
  if (!/^[\w-]+$/.test(name) || !existsSync(path)) return readSettings(context);

  const values = parse(path, file);
  refuse([...faultsOf(values, name, file)]);
  const prefixed = Object.entries(values).map(([key, value]) => [settingPrefix + key, value]);
  return readSettings({ ...Object.fromEntries(prefixed), ...context }, (key) =>
    settingPrefix + key in context ? settingPrefix + key : `"${key}" in settings/${file}`,
  );
}

/** On a file system that folds case the file would be found, and elsewhere not. */
function* otherCase(folder: string, file: string): Generator<string> {
  if (!existsSync(folder)) return;
  const found = readdirSync(folder);
  if (found.includes(file)) return;
  const other = found.find((one) => one.toLowerCase() === file.toLowerCase());
  if (other !== undefined)
    yield `settings/${other} is not the file of "${file.replace('.json', '')}": write the name as the file has it.`;
}

function parse(path: string, file: string): Values {
  const text = readFileSync(path, 'utf8');
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === 'object' && values !== null && !Array.isArray(values)) return { ...values };
  } catch (error) {
    refuse([`settings/${file} is no JSON: ${error instanceof Error ? error.message : error}`]);
  }
  refuse([`settings/${file} is no object: write { "cache": "none" } or the like.`]);
  return {};
}

function* faultsOf(values: Values, name: string, file: string): Generator<string> {
  for (const key of Object.keys(values)) {
    if (key.startsWith(settingPrefix))
      yield `"${key}" in settings/${file} has a prefix that only the command line needs: write "${key.slice(settingPrefix.length)}".`;
    else if (!isSettingName(key))
      yield `There is no setting "${key}", which settings/${file} has: docs/deploy.md lists them.`;
  }
  if (values.name !== undefined && values.name !== name)
    yield `"name" in settings/${file} is ${JSON.stringify(values.name)}: leave it out, the file's name is the name.`;
}
