import type { TableNames } from '#localstack/emulators/dynamodb/create-tables.ts';
import { isRecord } from '#localstack/emulators/gateway/integration.ts';
import type { WireAnswer, WireCall } from '#localstack/wire/wire.ts';

/** What a frame is by its own word, and how many messages are in it. */
export interface FrameSummary {
  /** `message.sent`, or `error forbidden`. */
  readonly type: string;
  readonly messages: number;
}

/** JSON from a service or a function; undefined for what is none. */
export function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function summariseFrame(text: string | undefined): FrameSummary | undefined {
  const frame = parse(text);
  if (typeof frame?.type !== 'string') return undefined;
  const code = frame.type === 'error' && typeof frame.code === 'string' ? ` ${frame.code}` : '';
  return { type: frame.type + code, messages: Array.isArray(frame.messages) ? frame.messages.length : 0 };
}

/** The names that the code has for the tables of a DynamoDB request, in the order in which the request has them. */
export function tablesOf(request: Record<string, unknown> | undefined, names: TableNames): string[] {
  const text = JSON.stringify(request ?? {});
  return Object.entries(names)
    .map(([id, name]) => ({ id, at: text.indexOf(`"${name}"`) }))
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at)
    .map(({ id }) => id);
}

/** The connection that a management request is about. */
export function connectionOf({ path }: WireCall): string {
  return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
}

/** AWS's name of a refusal, such as `ConditionalCheckFailedException`; undefined for what was no refusal. */
export function refusalOf({ statusCode, headers, body }: WireAnswer): string | undefined {
  if (statusCode < 300) return undefined;
  const type = parse(body.toString())?.__type ?? headers['x-amzn-errortype'];
  return typeof type === 'string' ? type.replace(/^.*#/, '').replace(/:.*$/, '') : `status ${statusCode}`;
}
