import type { Diagnosis } from '../doctor/doctor.ts';
import type { DeployArguments } from './deploy-arguments.ts';

/**
 * What the CDK is asked for, one run after the other. From the user pool to an issuer the service goes first and alone: it
 * imports the pool from the other stack, which CloudFormation does not take away from it.
 */
export function cdkRuns(
  { settings, deployed }: Pick<Diagnosis, 'settings' | 'deployed'>,
  { diff, rest }: Pick<DeployArguments, 'diff' | 'rest'>,
): string[][] {
  if (diff) return [['diff', ...rest]];
  const leavesPool = deployed !== undefined && deployed.issuer === undefined && settings.issuer !== undefined;
  return [
    ...(leavesPool ? [['deploy', `${settings.name}-Messaging`, '--exclusively', ...rest]] : []),
    ['deploy', '--all', ...rest],
  ];
}
