import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../.ci/audit.mjs', import.meta.url));

function judge(answer: unknown) {
  const input = typeof answer === 'string' ? answer : JSON.stringify(answer);
  const { status, stdout } = spawnSync(process.execPath, [script], { input, encoding: 'utf8' });
  return { status, stdout };
}

const audit = (severity: string) => ({
  vulnerabilities: { leftpad: { name: 'leftpad', severity, range: '<1.3.0' } },
  metadata: {
    vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0, [severity]: 1, total: 1 },
  },
});

test('nothing known passes, and so does what is not grave', () => {
  const clean = { vulnerabilities: {}, metadata: { vulnerabilities: { high: 0, total: 0 } } };
  expect(judge(clean)).toEqual({ status: 0, stdout: 'Known weaknesses: 0 high, 0 total\n' });
  expect(judge(audit('moderate')).status).toBe(0);
});

test.for(['high', 'critical'])('a weakness of %s severity fails and is named', (severity) => {
  const { status, stdout } = judge(audit(severity));
  expect(status).toBe(1);
  expect(stdout).toContain(`${severity}: leftpad <1.3.0\n`);
});

test.for([{ message: '405 Method Not Allowed' }, {}, '', 'no JSON'])(
  'no audit is told as none: %j',
  (answer) => {
    const { status, stdout } = judge(answer);
    expect(status).toBe(2);
    expect(stdout).toMatch(/^The registry gave no audit/);
  },
);
