import { readFileSync } from 'node:fs';
import { OptionError } from '../command-line.ts';
import type { Diagnosis } from '../doctor/doctor.ts';
import type { Finding } from '../doctor/findings.ts';
import { isSettingName, refuse, type Settings, settingNames, settingPrefix } from '../settings.ts';
import { settingsOfEnvironment } from '../settings-file.ts';

/** What `npm run doctor` and `npm run deploy` end with. */
export const exitCodes = { ready: 0, notReady: 1, wrongSettings: 2, awsUnasked: 3 } as const;

/**
 * The settings that the CDK would see: `cdk.json`, the file of the environment, and `key=value` of the command line.
 * Throws `SettingsError`.
 */
export function readEnvironment(assignments: readonly string[]): Settings {
  const cdkJson: { context?: Record<string, unknown> } = JSON.parse(
    readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'),
  );
  return settingsOfEnvironment({
    ...cdkJson.context,
    ...Object.fromEntries(assignments.map(splitAssignment)),
  });
}

function splitAssignment(assignment: string): [string, string] {
  const end = assignment.indexOf('=');
  if (end < 1) refuse([`-c takes key=value, not ${JSON.stringify(assignment)}.`]);
  return [assignment.slice(0, end), assignment.slice(end + 1)];
}

/** Throws `OptionError` where `--change` names what is no setting. */
export function readAgreed(names: readonly string[]): readonly string[] {
  const wrong = names.find((name) => !isSettingName(name));
  if (wrong !== undefined)
    throw new OptionError(`There is no setting "${wrong}" to change; there are ${settingNames.join(', ')}.`);
  return names;
}

/** Everything as the CDK's command line takes it, so that what was looked at is what is deployed. */
export function assignmentsOf(settings: Settings): string[] {
  const values: Readonly<Record<string, unknown>> = { ...settings };
  return settingNames.flatMap((name) => {
    const value = values[name];
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
    return ['-c', `${settingPrefix}${name}=${text}`];
  });
}

const marks = { stops: '✗', changes: '✗', surprises: '!', fine: '✓' } as const;

/** For people: a line or two for each finding. */
export function tell(findings: readonly Finding[], agreed: readonly string[]): string {
  const lines = findings.flatMap(({ check, level, says, todo, setting = '' }) => {
    const isAgreed = level === 'changes' && agreed.includes(setting);
    const mark = isAgreed ? '!' : marks[level];
    return [
      `${mark} ${check.padEnd(12)} ${says}`,
      ...(todo && !isAgreed ? [`  ${''.padEnd(12)} ${todo}`] : []),
    ];
  });
  return `${lines.join('\n')}\n`;
}

export function exitCodeOf({ place, findings }: Diagnosis, isReady: boolean): number {
  if (place === undefined && findings.length > 0) return exitCodes.awsUnasked;
  return isReady ? exitCodes.ready : exitCodes.notReady;
}
