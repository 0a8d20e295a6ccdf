import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { FunctionTelemetry, Telemetry } from './telemetry.ts';

/** JSON log lines and CloudWatch metrics in embedded format, both on standard output: no AWS call. */
export function makeTelemetry(): FunctionTelemetry {
  const logger = new Logger();
  const metrics = new Metrics({ namespace: 'Postrider' });
  let isCold = true;
  return {
    ...linesOf(logger, metrics),
    begin(context, keys) {
      logger.resetKeys();
      if (isLambdaContext(context)) logger.addContext(context);
      logger.appendKeys({ ...keys });
      if (isCold) metrics.addMetric('ColdStart', MetricUnit.Count, 1);
      isCold = false;
    },
    of: (keys) => linesOf(logger.createChild({ persistentKeys: { ...keys } }), metrics),
    flush: () => {
      if (!metrics.hasStoredMetrics()) return;
      // Lambda's own line of it is below the level of the logs: it would come with each invocation.
      metrics.addMetric('MemoryUsed', MetricUnit.Megabytes, process.memoryUsage.rss() / 1_048_576);
      metrics.publishStoredMetrics();
    },
  };
}

function linesOf(logger: Logger, metrics: Metrics): Telemetry {
  return {
    info: (event, fields = {}) => logger.info(event, fields),
    warn: (event, fields = {}) => logger.warn(event, fields),
    error: (event, error, fields = {}) => logger.error(event, { ...fields, error: describe(error) }),
    count: (name, by = 1) => metrics.addMetric(name, MetricUnit.Count, by),
    time: (name, milliseconds) => metrics.addMetric(name, MetricUnit.Milliseconds, milliseconds),
    about: (keys) => logger.appendKeys({ ...keys }),
  };
}

type LambdaContext = Parameters<Logger['addContext']>[0];

function isLambdaContext(context: unknown): context is LambdaContext {
  return typeof context === 'object' && context !== null && 'awsRequestId' in context;
}

/**
 * What a log may hold of an error. Its other properties may not: the SDK puts rows into them, and Powertools would
 * write every one.
 */
function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const { code, $metadata } = error as { code?: unknown; $metadata?: { requestId?: unknown } };
  return {
    name,
    message,
    stack,
    ...(code !== undefined && { code }),
    ...($metadata?.requestId !== undefined && { requestId: $metadata.requestId }),
    ...(cause !== undefined && { cause: describe(cause) }),
  };
}
