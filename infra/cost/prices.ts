/**
 * List prices in US dollars, us-east-1, without free tiers and discounts, read from the services' public price pages in
 * 2026. Those of other regions differ: correct them here.
 */
export const prices = {
  /** https://aws.amazon.com/api-gateway/pricing/ (WebSocket): frames either way, each 32 KB begun; the first billion. */
  apiMessage: 1.0 / 1e6,
  apiConnectionMinute: 0.25 / 1e6,
  /** https://aws.amazon.com/lambda/pricing/ (arm64). */
  lambdaRequest: 0.2 / 1e6,
  lambdaGigabyteSecond: 0.0000133334,
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ */
  writeUnit: 0.625 / 1e6,
  readUnit: 0.125 / 1e6,
  tableGigabyteMonth: 0.25,
  recoveryGigabyteMonth: 0.2,
  /** https://aws.amazon.com/sqs/pricing/ (standard queues) */
  sqsRequest: 0.4 / 1e6,
  /** https://aws.amazon.com/eventbridge/pricing/ (custom events) */
  event: 1.0 / 1e6,
  /** https://aws.amazon.com/cloudwatch/pricing/ */
  logGigabyte: 0.5,
  alarmMetricMonth: 0.1,
  metricMonth: 0.3,
  dashboardMonth: 3,
  /** https://aws.amazon.com/xray/pricing/ */
  trace: 5.0 / 1e6,
  /** https://aws.amazon.com/kms/pricing/ */
  keyMonth: 1.0,
  kmsRequest: 0.03 / 1e4,
  /** https://aws.amazon.com/elasticache/pricing/ (Serverless for Valkey) */
  cacheGigabyteHour: 0.084,
  cacheMillionUnits: 0.0023,
  /** https://aws.amazon.com/ec2/pricing/on-demand/ (data transfer out to the internet, the first 10 TB) */
  egressGigabyte: 0.09,
} as const;
