import { optionsOrExit, readArguments } from '../command-line.ts';
import { diagnose, isReady } from '../doctor/doctor.ts';
import { SettingsError } from '../settings.ts';
import { exitCodeOf, exitCodes, readAgreed, readEnvironment, tell } from './environment.ts';

const usage = `npm run doctor -- [options]

Looks whether a deployment would succeed and what it would change, and changes nothing. \`npm run deploy\` looks first as well.

  -c postrider:NAME=VALUE   a setting, in place of that of the file in settings/; can be given several times
  --change NAME             agrees to a change of this setting; can be given several times
  --profile NAME            the profile of AWS to use, as AWS_PROFILE
  --json                    for machines: { ready, account, region, name, findings: [{ check, level, says, todo }] }
  --help

It ends with 0 if nothing stands in the way, 1 if something would fail or change without --change, 2 if options or
settings are wrong, and 3 if AWS could not be asked.`;

const options = optionsOrExit((args) => {
  const read = readArguments(args, {
    context: { type: 'string', short: 'c', multiple: true, default: [] },
    change: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  });
  return { ...read, agreed: readAgreed(read.change), settings: () => readEnvironment(read.context) };
}, usage);

try {
  if (options.profile !== undefined) process.env.AWS_PROFILE = options.profile;
  const settings = options.settings();
  const diagnosis = await diagnose(settings, { environment: process.env, fetch });
  const ready = isReady(diagnosis.findings, options.agreed);
  const { account, region } = diagnosis.place ?? {};
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ready, account, region, name: settings.name, findings: diagnosis.findings })}\n`
      : `${tell(diagnosis.findings, options.agreed)}${ready ? 'Ready: npm run deploy' : 'Not ready.'}\n`,
  );
  process.exitCode = exitCodeOf(diagnosis, ready);
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = exitCodes.wrongSettings;
}
