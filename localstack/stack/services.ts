import { join } from 'node:path';
import { type Cache, NamedCacheError, startCache } from '#localstack/emulators/cache/cache.ts';
import { type DynamoDb, startDynamoDb } from '#localstack/emulators/dynamodb/dynamodb.ts';
import { type Events, type OnEvent, startEvents } from '#localstack/emulators/events/events.ts';
import { type Kms, startKms } from '#localstack/emulators/kms/kms.ts';
import { type Sqs, startSqs } from '#localstack/emulators/sqs/sqs.ts';
import { type DataDirectory, databaseFile } from '#localstack/stack/data-directory.ts';
import { settleAll } from '#localstack/stack/settle-all.ts';

export interface Services {
  readonly dynamodb: DynamoDb;
  readonly sqs: Sqs;
  readonly kms: Kms;
  readonly events: Events;
  readonly cache: Cache | undefined;
}

export interface ServicesOptions {
  readonly directory: DataDirectory;
  /** Whether to look for a cache server. */
  readonly withCache: boolean;
  readonly onEvent: OnEvent;
  /** What a person should know of, although everything works on. */
  onWarning(text: string): void;
  onCrash(error: Error): void;
}

/** Starts everything that the functions call, side by side. What did start is in `cleanup`, also if something fails. */
export async function startServices(
  options: ServicesOptions,
  cleanup: AsyncDisposableStack,
): Promise<Services> {
  const { directory, onEvent, onCrash } = options;
  const kept = directory.temporary ? undefined : directory.path;
  const owned = async <Service extends { stop(): Promise<void> }>(starting: Promise<Service>) =>
    cleanup.adopt(await starting, (service) => service.stop());

  const [dynamodb, sqs, kms, events, cache] = await settleAll([
    owned(
      startDynamoDb({
        onCrash,
        ...(kept === undefined ? { removeAfterwards: directory.path } : { file: join(kept, databaseFile) }),
      }),
    ),
    owned(startSqs(kept === undefined ? {} : { directory: join(kept, 'sqs') })),
    owned(startKms(kept === undefined ? {} : { keyFile: join(kept, 'kms.json') })),
    owned(startEvents({ onEvent })),
    options.withCache ? startOptionalCache(options, cleanup) : undefined,
  ] as const);
  return { dynamodb, sqs, kms, events, cache };
}

/** A cache of ours that does not start is no reason to go without everything else; one that somebody named is. */
async function startOptionalCache(
  { onWarning }: ServicesOptions,
  cleanup: AsyncDisposableStack,
): Promise<Cache | undefined> {
  try {
    const cache = await startCache({ onCrash: (error) => onWarning(error.message) });
    if (cache !== undefined) cleanup.defer(() => cache.stop());
    return cache;
  } catch (error) {
    if (error instanceof NamedCacheError) throw error;
    onWarning(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
