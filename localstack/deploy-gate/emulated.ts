import { type CfnResource, Stack } from 'aws-cdk-lib';
import { CfnRouteResponse } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnPolicy } from 'aws-cdk-lib/aws-iam';
import { CfnKey } from 'aws-cdk-lib/aws-kms';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import type { Postrider } from '#infra/postrider.ts';
import { type Emulation, managementEndpoint } from './emulation.ts';

/**
 * Changes what an emulator cannot deploy or AWS's own addresses would lead out of it. Everything else, every permission
 * among it, is deployed as it is on AWS.
 */
export function adaptToEmulator({ data, messaging }: Postrider, emulation: Emulation): void {
  const { apiId } = messaging.api.api;
  const variables: Readonly<Record<string, string>> = {
    MANAGEMENT_ENDPOINT: managementEndpoint(emulation, apiId, messaging.api.stage.stageName),
    TOKEN_ISSUER: emulation.issuer,
    TOKEN_AUDIENCE: emulation.audience,
    TOKEN_JWKS_URI: emulation.jwksUri,
  };
  for (const construct of [data, messaging].flatMap((stack) => stack.node.findAll())) {
    if (construct instanceof CfnFunction) pointTo(variables, construct);
    if (emulation.emulator !== 'ministack') continue;
    // It does not know the type, and answers from a route without it as well.
    if (construct instanceof CfnRouteResponse) construct.node.scope?.node.tryRemoveChild(construct.node.id);
    if (construct instanceof CfnAlarm) watchOneMetric(construct);
    if (construct instanceof CfnPolicy)
      dropUnknownConditions(construct, construct.policyDocument, 'PolicyDocument');
    if (construct instanceof CfnKey) dropUnknownConditions(construct, construct.keyPolicy, 'KeyPolicy');
  }
}

/** Only what a function is given anyway: one that lacks a variable must fail here too. */
function pointTo(variables: Readonly<Record<string, string>>, lambda: CfnFunction): void {
  const environment = Stack.of(lambda).resolve(lambda.environment) as { variables?: object } | undefined;
  for (const [name, value] of Object.entries(variables)) {
    if (environment?.variables !== undefined && name in environment.variables) {
      lambda.addPropertyOverride(`Environment.Variables.${name}`, value);
    }
  }
}

/** It knows no metric math. */
function watchOneMetric(alarm: CfnAlarm): void {
  if (alarm.metrics === undefined) return;
  alarm.metrics = undefined;
  alarm.namespace = 'AWS/Lambda';
  alarm.metricName = 'Throttles';
  alarm.statistic = 'Sum';
  alarm.period = 60;
}

/** It does not know the encryption context as a condition, in a role or in the key's own policy, and would refuse every use of the key. */
function dropUnknownConditions(owner: CfnResource, policy: unknown, property: string): void {
  const { Statement } = Stack.of(owner).resolve(policy) as {
    Statement: { Condition?: unknown }[];
  };
  for (const [index, { Condition }] of Statement.entries()) {
    if (Condition !== undefined)
      owner.addPropertyDeletionOverride(`${property}.Statement.${index}.Condition`);
  }
}
