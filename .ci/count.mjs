// Counts the tests of a run of Vitest, from its JSON report: prints `passed failed deviations`. With a list of deviations,
// those of its tests that failed as it says count as such: Vitest itself reports them as passed. No report counts as one failure.
// What failed is told on stderr, for the end of a long log.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [report, list] = process.argv.slice(2);
/** @typedef {{ fullName: string, status: string, failureMessages: string[] }} Assertion */
/** @typedef {{ name: string, message: string, status: string, assertionResults: Assertion[] }} TestFile */

/** @param {string | undefined} path */
const read = (path = '') => JSON.parse(readFileSync(path, 'utf8'));
/** @type {{ test: string }[]} */
const deviating = list === undefined ? [] : read(list);
const known = new Set(deviating.map(({ test }) => test));
try {
  /** @type {{ testResults: TestFile[], numFailedTests: number, numFailedTestSuites: number, success: boolean }} */
  const { testResults, numFailedTests, numFailedTestSuites, success } = read(report);
  const passed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed');
  const deviations = passed.filter(({ fullName }) => known.has(fullName)).length;
  const failed = success ? 0 : Math.max(1, numFailedTests || numFailedTestSuites);
  for (const { name, message, status, assertionResults } of testResults) {
    if (status !== 'failed') continue;
    const failures = assertionResults.filter((result) => result.status === 'failed');
    console.error(`!! ${relative('.', name)} ${failures.length === 0 ? message : ''}`);
    for (const { fullName, failureMessages } of failures)
      console.error(`   ${fullName}\n${failureMessages.join('\n')}`);
  }
  console.log(passed.length - deviations, failed, deviations);
} catch {
  console.log(0, 1, 0);
}
