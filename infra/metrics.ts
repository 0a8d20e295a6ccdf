import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { period } from './constructs/alarms.ts';
import type { MessagingApi } from './constructs/messaging-api.ts';

/** A counter of the functions' own, by the name that `Telemetry.count` was given. */
export function counter(service: string, metricName: string): Metric {
  return new Metric({
    namespace: 'Postrider',
    metricName,
    dimensionsMap: { service },
    statistic: Stats.SUM,
    period,
  });
}

/** Of the API's one stage. */
export function stageMetric({ api, stage }: MessagingApi, metricName: string, statistic: string): Metric {
  return new Metric({
    namespace: 'AWS/ApiGateway',
    metricName,
    dimensionsMap: { ApiId: api.apiId, Stage: stage.stageName },
    statistic,
    period,
  });
}

/** Of all functions in the account and region: without dimensions. */
export function accountMetric(metricName: 'Throttles' | 'ConcurrentExecutions', statistic: string): Metric {
  return new Metric({
    namespace: 'AWS/Lambda',
    metricName,
    statistic,
    period,
    label: `${metricName}, account`,
  });
}

/**
 * Each 401 of the authorizer is an error to Lambda, so its refusals are taken off: else anybody with a stale token could wake
 * somebody. A crash or a time-out does not get as far as to count a refusal, and what fails otherwise counts itself, as
 * `AuthorizeFailed`.
 */
export function crashesOf(authorizer: LambdaFunction, service: string): IMetric {
  return new MathExpression({
    expression: 'FILL(errors, 0) - FILL(refused, 0)',
    usingMetrics: {
      errors: authorizer.metricErrors({ period }),
      refused: counter(service, 'AuthorizeRefused'),
    },
    period,
    label: 'errors without refusals',
  });
}

/**
 * DynamoDB writes down throttles only when there are some. Without zeros for the minutes between, an alarm would go on by
 * the last minute that had any.
 */
export function sum(metrics: readonly (readonly [string, IMetric])[]): IMetric {
  return new MathExpression({
    expression: 'SUM(FILL(METRICS(), 0))',
    usingMetrics: Object.fromEntries(metrics),
    period,
    label: 'sum',
  });
}
