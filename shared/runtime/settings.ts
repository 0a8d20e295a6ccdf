/** A setting of the environment that is missing or wrong. It names the variable, and what to write. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable that the deployment always sets. */
export function setting(name: string, environment: Environment = process.env): string {
  const value = environment[name];
  if (value) return value;
  throw new SettingError(`The environment variable ${name} is not set; the deployment sets it.`);
}

/** The value of a variable that may be left out or empty. */
export function optionalSetting(name: string, environment: Environment = process.env): string | undefined {
  return environment[name] || undefined;
}

/** The values of a variable that the deployment always sets, with commas between them. */
export function listSetting(name: string, environment: Environment = process.env): string[] {
  const values = setting(name, environment)
    .split(',')
    .filter((value) => value !== '');
  if (values.length > 0) return values;
  throw new SettingError(`The environment variable ${name} must name at least one value.`);
}

/** As the deployment's own settings: a year. */
const mostHours = 8_760;

/** A number of hours, above 0 to 8,760, as milliseconds; `fallback`, in hours, where it is not set. */
export function hoursSetting(name: string, fallback: number, environment: Environment = process.env): number {
  const text = optionalSetting(name, environment);
  const hours = text === undefined ? fallback : Number(text);
  if (!(hours > 0 && hours <= mostHours))
    throw new SettingError(
      `The environment variable ${name} must be a number of hours above 0, ${mostHours} at most.`,
    );
  return hours * 3_600_000;
}
