import { functionNeeds } from '../function-needs.ts';
import { prices } from './prices.ts';

export interface Workload {
  readonly users: number;
  /** A month, all users together. */
  readonly messages: number;
  /** That a user is connected, a day. */
  readonly hoursOnline: number;
  /** Connections that a user opens, a day. */
  readonly sessions: number;
  /** The share of messages (0 to 1) whose recipient is not connected. */
  readonly offlineShare: number;
  /** How many messages a conversation has in an hour in which it has any. */
  readonly messagesInHour: number;
  /** How many messages one `ack` covers: one where people answer each other, more where messages come together. */
  readonly messagesPerAck: number;
  /** How many messages one `read` covers. */
  readonly messagesPerRead: number;
  readonly contentBytes: number;
  readonly conversationsPerUser: number;
  /** For how many months messages have been kept. */
  readonly months: number;
  readonly cache: boolean;
}

export const typicalWorkload: Workload = {
  users: 1_000,
  messages: 1_000_000,
  hoursOnline: 2,
  sessions: 4,
  offlineShare: 0.3,
  messagesInHour: 10,
  messagesPerAck: 1,
  messagesPerRead: 3,
  contentBytes: 300,
  conversationsPerUser: 20,
  months: 12,
  cache: true,
};

export interface CostLine {
  readonly what: string;
  readonly quantity: number;
  readonly unit: string;
  /** US dollars for one unit. */
  readonly price: number;
  /** US dollars a month. */
  readonly cost: number;
}

/** Days in an average month. */
const days = 365 / 12;
const hoursInMonth = 24 * days;
/** Milliseconds that calls take at the memory of function-needs.ts, as assumed: nobody has measured them on AWS yet. */
const milliseconds = {
  authorize: 10,
  connect: 30,
  disconnect: 15,
  send: 50,
  reconnect: 60,
  sync: 20,
  ping: 10,
  deliver: 20,
};
/** In an hour of a quiet connection, by the SDK's habits: a look each 15 minutes, a ping after each 4 without a frame. */
const quietHour = { looks: 4, pings: 12 };
/** docs/performance.md counts these, for a message of up to 1 KB with its row; the first of an hour writes more, into an index. */
const send = { readUnits: 7, writeUnits: 10, firstOfHour: 4 };
/** Of a message's row beside its content. */
const rowBytes = 350;
/** Of a frame beside the content. */
const frameBytes = 350;
/** Of a line of the access log. */
const accessLogBytes = 400;
/** Of a mailbox's row: its last 64 sends are 640 of them. */
const mailboxBytes = 800;
/** Lambda asks an idle queue by five long polls of 20 s. */
const idlePolls = (5 * 3_600 * hoursInMonth) / 20;
/** Alarms are billed by the metrics that they watch. */
export const alarmMetrics = 28;
/** Counters of the functions' own that move in a month in which nothing is wrong: notifications, lost races, refusals. */
const countersWithData = 3;
/** X-Ray's default rule, without its one trace a second: the share of calls that are recorded. */
const tracedShare = 0.05;
/** ElastiCache Serverless for Valkey bills this much data at least, in GB. */
const leastCacheGigabytes = 0.1;

/** What a workload costs a month, line by line, the fixed costs last. */
export function monthlyCost(workload: Workload): CostLine[] {
  const { users, messages, offlineShare, contentBytes } = workload;
  const sessions = users * workload.sessions * days;
  // A `read` moves a mailbox and tells the other as an `ack` does.
  const acks = messages / workload.messagesPerAck + messages / workload.messagesPerRead;
  const pushes = messages * (1 - offlineShare);
  const hours = users * workload.hoursOnline * days;
  const looks = hours * quietHour.looks;
  const pings = hours * quietHour.pings;
  const calls = callsOf({ messages, acks, sessions, looks, pings });
  const inbound = messages + acks + sessions + looks + pings;
  const withContent = messages + 2 * acks + pushes + 2 * sessions;
  const frames = inbound + withContent + looks + pings;
  const messageKilobytes = Math.ceil((rowBytes + contentBytes) / 1024);
  const mailboxReads = Math.ceil((workload.conversationsPerUser * mailboxBytes) / 4096);
  const writesOfSend =
    send.writeUnits + send.firstOfHour / workload.messagesInHour + 2 * (messageKilobytes - 1);
  const writes = messages * writesOfSend + 2 * acks + 6 * sessions + 2 * looks + pings;
  const reads =
    messages * (send.readUnits + 1 + 3 * offlineShare) +
    2 * acks +
    (1 + mailboxReads) * sessions +
    mailboxReads * looks;
  const stored = (messages * workload.months * (rowBytes + contentBytes) + users * 20_000) / 1e9;
  const totalCalls = Object.values(calls).reduce((sum, count) => sum + count, 0);
  const line = (what: string, quantity: number, unit: string, price: number): CostLine => ({
    what,
    quantity,
    unit,
    price,
    cost: quantity * price,
  });
  return [
    line('API Gateway, frames', frames, 'frames', prices.apiMessage),
    line('API Gateway, connections', hours * 60, 'minutes', prices.apiConnectionMinute),
    line('Lambda, calls', totalCalls, 'calls', prices.lambdaRequest),
    line('Lambda, time', gigabyteSeconds(calls), 'GB-s', prices.lambdaGigabyteSecond),
    line('DynamoDB, writes', writes, 'units', prices.writeUnit),
    line('DynamoDB, reads', reads, 'units', prices.readUnit),
    line('DynamoDB, storage', stored, 'GB', prices.tableGigabyteMonth + prices.recoveryGigabyteMonth),
    line('SQS', 3 * messages + idlePolls, 'requests', prices.sqsRequest),
    line('EventBridge, notifications', messages * offlineShare, 'events', prices.event),
    line(
      'CloudWatch, access log',
      ((inbound + 2 * sessions) * accessLogBytes) / 1e9,
      'GB',
      prices.logGigabyte,
    ),
    line('X-Ray', totalCalls * tracedShare, 'traces', prices.trace),
    line('Data to clients', (withContent * (frameBytes + contentBytes)) / 1e9, 'GB', prices.egressGigabyte),
    ...cacheLines(workload),
    line('KMS', 1, 'key', prices.keyMonth),
    line('CloudWatch, alarms', alarmMetrics, 'metrics', prices.alarmMetricMonth),
    line('CloudWatch, counters', messages > 0 ? countersWithData : 0, 'metrics', prices.metricMonth),
    line('CloudWatch, dashboard', 1, 'dashboard', prices.dashboardMonth),
  ];
}

type Calls = Readonly<Record<keyof typeof milliseconds, number>>;

type Counts = Readonly<Record<'messages' | 'acks' | 'sessions' | 'looks' | 'pings', number>>;

function callsOf({ messages, acks, sessions, looks, pings }: Counts): Calls {
  return {
    authorize: sessions,
    connect: sessions,
    disconnect: sessions,
    reconnect: sessions + looks,
    send: messages,
    sync: acks,
    ping: pings,
    // One record a call, as it is with little traffic; ten share a call with much.
    deliver: messages,
  };
}

function gigabyteSeconds(calls: Calls): number {
  const each = Object.entries(calls) as [keyof Calls, number][];
  return each.reduce((sum, [name, count]) => {
    const { memoryMegabytes } = functionNeeds[name === 'ping' ? 'sync' : name];
    return sum + (count * milliseconds[name] * memoryMegabytes) / 1024 / 1000;
  }, 0);
}

function cacheLines({ cache, messages, contentBytes }: Workload): CostLine[] {
  if (!cache) return [];
  // Each message is there twice: for an hour by itself, and among the last 100 of its conversation.
  const gigabytes = (2 * (messages / hoursInMonth) * (rowBytes + contentBytes)) / 1e9;
  const billed = Math.max(leastCacheGigabytes, gigabytes) * hoursInMonth;
  const commands = messages * 5 * Math.ceil((rowBytes + contentBytes) / 1024);
  return [
    {
      what: 'ElastiCache, data',
      quantity: billed,
      unit: 'GB-h',
      price: prices.cacheGigabyteHour,
      cost: billed * prices.cacheGigabyteHour,
    },
    {
      what: 'ElastiCache, commands',
      quantity: commands,
      unit: 'ECPU',
      price: prices.cacheMillionUnits / 1e6,
      cost: (commands * prices.cacheMillionUnits) / 1e6,
    },
  ];
}
