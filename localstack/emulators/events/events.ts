import { randomUUID } from 'node:crypto';
import { ServiceError, startAwsJsonServer } from '#localstack/emulators/aws-json-server.ts';

export interface Events {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Called once for each accepted entry. If it throws, that entry alone is answered as failed. */
export type OnEvent = (detailType: string, detail: unknown) => void | Promise<void>;

type EntryResult = { EventId: string } | { ErrorCode: string; ErrorMessage: string };

const requiredMembers = ['Source', 'DetailType', 'Detail'] as const;

/** EventBridge's PutEvents on loopback, with one bus named `default`. There are no rules: every event goes to `onEvent`. */
export async function startEvents(options: { onEvent: OnEvent }): Promise<Events> {
  return startAwsJsonServer({
    targetPrefix: 'AWSEvents',
    operations: { PutEvents: (input) => putEvents(input, options.onEvent) },
  });
}

async function putEvents(input: Readonly<Record<string, unknown>>, onEvent: OnEvent): Promise<object> {
  const entries = input.Entries;
  if (!Array.isArray(entries) || entries.length < 1 || entries.length > 10)
    throw new ServiceError(
      'ValidationException',
      "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10",
    );
  const results: EntryResult[] = [];
  for (const entry of entries) results.push(await putEvent(entry, onEvent));
  return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
}

async function putEvent(entry: Readonly<Record<string, unknown>>, onEvent: OnEvent): Promise<EntryResult> {
  for (const member of requiredMembers)
    if (typeof entry[member] !== 'string' || entry[member] === '') return missingMember(member);
  const bus = String(entry.EventBusName ?? 'default');
  if (bus !== 'default')
    return { ErrorCode: 'ResourceNotFoundException', ErrorMessage: `Event bus ${bus} does not exist.` };
  const detail = parseDetail(String(entry.Detail));
  if (detail === undefined) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' };
  try {
    await onEvent(String(entry.DetailType), detail);
  } catch (error) {
    return { ErrorCode: 'InternalFailure', ErrorMessage: String(error) };
  }
  return { EventId: randomUUID() };
}

function missingMember(member: string): EntryResult {
  return {
    ErrorCode: 'InvalidArgument',
    ErrorMessage: `Parameter ${member} is not valid. Reason: ${member} is a required argument.`,
  };
}

function parseDetail(text: string): object | undefined {
  try {
    const detail: unknown = JSON.parse(text);
    return typeof detail === 'object' && detail !== null && !Array.isArray(detail) ? detail : undefined;
  } catch {
    return undefined;
  }
}
