import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { optionsOrExit } from '../command-line.ts';
import { type Diagnosis, diagnose, isReady } from '../doctor/doctor.ts';
import { SettingsError, settingPrefix } from '../settings.ts';
import { cdkRuns } from './cdk-runs.ts';
import { readDeployArguments } from './deploy-arguments.ts';
import { assignmentsOf, exitCodeOf, exitCodes, readEnvironment, tell } from './environment.ts';

const usage = `npm run deploy -- [options]

Looks first whether it would succeed and what it would change, as npm run doctor does, and then runs the CDK.

  -c postrider:NAME=VALUE   a setting, in place of that of the file in settings/; can be given several times
  --change NAME             agrees to a change of this setting; can be given several times
  --profile NAME            the profile of AWS to use
  --help
  Everything else goes to \`cdk deploy\`, such as --require-approval never.

It ends as the CDK does, and before it with 1 if something would fail or change without --change, 2 if options or
settings are wrong, and 3 if AWS could not be asked. npm run diff shows what it would do to each resource.`;

const options = optionsOrExit(readDeployArguments, usage);
const cdk = fileURLToPath(new URL('../../node_modules/.bin/cdk', import.meta.url));

async function main(): Promise<number> {
  if (options.profile !== undefined) process.env.AWS_PROFILE = options.profile;
  const settings = readEnvironment(options.context);
  const diagnosis = await diagnose(settings, { environment: process.env, fetch });
  const ready = isReady(diagnosis.findings, options.agreed);
  const toTell = diagnosis.findings.filter(({ level }) => level !== 'fine');
  process.stderr.write(tell(toTell.length > 0 ? toTell : diagnosis.findings, options.agreed));
  if (!ready && !(options.diff && diagnosis.place !== undefined)) {
    process.stderr.write('Nothing was deployed.\n');
    return exitCodeOf(diagnosis, ready);
  }
  for (const run of cdkRuns(diagnosis, options)) {
    const code = await runCdk(run, diagnosis);
    if (code !== 0) return code;
  }
  return exitCodes.ready;
}

async function runCdk(args: readonly string[], { settings, place }: Diagnosis): Promise<number> {
  const others = options.context
    .filter((one) => !one.startsWith(settingPrefix))
    .flatMap((one) => ['-c', one]);
  const child = spawn(cdk, [...args, ...others, ...assignmentsOf(settings)], {
    stdio: 'inherit',
    env: { ...process.env, AWS_REGION: place?.region },
  });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : exitCodes.notReady;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = exitCodes.wrongSettings;
}
