import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Telemetry } from '#shared/use-cases/ports.ts';

export interface FlushableTelemetry extends Telemetry {
  /** Writes the counters of this invocation. */
  flush(): void;
}

/** JSON log lines and CloudWatch metrics in embedded format, both on standard output: no AWS call. */
export function makeTelemetry(): FlushableTelemetry {
  const logger = new Logger();
  const metrics = new Metrics({ namespace: 'Postrider' });
  return {
    info: (event, fields = {}) => logger.info(event, fields),
    warn: (event, fields = {}) => logger.warn(event, fields),
    error: (event, error, fields = {}) =>
      logger.error(event, { ...fields, error: error instanceof Error ? error : new Error(String(error)) }),
    count: (name, by = 1) => metrics.addMetric(name, MetricUnit.Count, by),
    flush: () => {
      if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    },
  };
}
