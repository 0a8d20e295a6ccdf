import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** With no credentials anywhere, and nobody to ask for some. */
async function run(command: string, ...args: string[]) {
  const env = {
    PATH: process.env.PATH,
    AWS_REGION: 'eu-central-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
  };
  return await promisify(execFile)(process.execPath, [`infra/commands/${command}.ts`, ...args], {
    cwd: root,
    env,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout: String(stdout), stderr: String(stderr) }),
  );
}

test('without credentials the doctor says how to get some', async () => {
  const { code, stdout } = await run('doctor');
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /^✗ credentials +This shell has no AWS credentials\.\n +With IAM Identity Center: `aws configure sso`/,
  );
}, 60_000);

test('for machines it is one line of JSON, with the same exit code', async () => {
  const { code, stdout } = await run('doctor', '--json', '-c', 'postrider:name=Staging');
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toEqual({
    ready: false,
    name: 'Staging',
    findings: [expect.objectContaining({ check: 'credentials', level: 'stops' })],
  });
}, 60_000);

test('a deployment looks first, and never gets to the CDK', async () => {
  const { code, stdout, stderr } = await run('deploy', '--require-approval', 'never');
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toMatch(/^✗ credentials .*\n.*aws configure sso[^\n]*\nNothing was deployed\.\n$/s);
}, 60_000);

test.for(['doctor', 'deploy'])(
  '%s tells wrong settings before it asks AWS',
  { timeout: 60_000 },
  async (command) => {
    const { code, stderr } = await run(command, '-c', 'postrider:cache=big');
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^Settings to correct \(see docs\/deploy\.md\):\n- postrider:cache is "big": write .+\.\n$/,
    );
  },
);
