import type { BuildAppOptions } from 'fauxqs';

type Stores = NonNullable<BuildAppOptions['stores']>;
type Persistence = NonNullable<Stores['sqsStore']['persistence']>;

export interface PersistentStores {
  readonly stores: Stores;
  close(): void;
}

/**
 * fauxqs's stores, kept in SQLite below `directory`. The package offers persistence only through `startFauxqs`, which
 * listens on every network interface; so we reach for the same parts that it is made of, by their files.
 */
export async function openPersistentStores(directory: string): Promise<PersistentStores> {
  const { SqsStore } = await importPart<{ SqsStore: new () => Stores['sqsStore'] }>('sqs/sqsStore.js');
  const { SnsStore } = await importPart<{ SnsStore: new () => Stores['snsStore'] }>('sns/snsStore.js');
  const { S3Store } = await importPart<{ S3Store: new () => Stores['s3Store'] }>('s3/s3Store.js');
  const { PersistenceManager } = await importPart<{
    PersistenceManager: new (directory: string) => Persistence;
  }>('persistence.js');
  const stores: Stores = { sqsStore: new SqsStore(), snsStore: new SnsStore(), s3Store: new S3Store() };
  const persistence = new PersistenceManager(directory);
  skipFsync(persistence);
  // Loaded before it is wired up, so that loading writes nothing back.
  persistence.loadSqsAndSns(stores.sqsStore, stores.snsStore);
  stores.sqsStore.persistence = persistence;
  for (const queue of stores.sqsStore.allQueues()) queue.persistence = persistence;
  return { stores, close: () => persistence.close() };
}

// A killed process loses nothing without it (a power cut may), and the gateway shares the thread that would wait for the disk.
function skipFsync(persistence: Persistence): void {
  const { db } = persistence as unknown as { db: { exec(sql: string): void } };
  db.exec('PRAGMA synchronous = NORMAL');
}

async function importPart<Part>(file: string): Promise<Part> {
  try {
    return (await import(new URL(file, import.meta.resolve('fauxqs')).href)) as Part;
  } catch (cause) {
    throw new Error(`This version of fauxqs has no ${file}, so queues cannot be kept. Install 2.4.x.`, {
      cause,
    });
  }
}
