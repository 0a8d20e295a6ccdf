/** The tests of the deployment and a contract test for each function: some minutes shorter than the whole suite. */
const smallFiles = ['deployed', 'lifecycle', 'ack', 'connect', 'reconnect', 'send'].map(
  (name) => `/${name}.test.ts`,
);

/** Long backlogs test the use case, not the deployment, and take two minutes here. */
const exceptBacklogs = ['--testNamePattern', '^(?!.*backlog)'];

/**
 * Vitest's arguments for those of the command line: `--small` stands for a representative part of the contract suite,
 * and everything else goes to Vitest as it is.
 */
export function chosenTests(args: readonly string[]): string[] {
  return args.flatMap((arg) => (arg === '--small' ? [...smallFiles, ...exceptBacklogs] : [arg]));
}
