import type { Clock, Random } from '#shared/runtime/clock.ts';
import { policies } from '#shared/runtime/retries.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import {
  type DataKey,
  type DataKeyMemory,
  DataKeyUnavailable,
  isUnreachable,
  makeDataKeyMemory,
} from './data-key-memory.ts';

/**
 * Hands out data keys. One loading of a key is one `DataKey` object: whoever keeps something derived from it lets that
 * go with the object. Both reject with `DataKeyUnavailable` when KMS or the table refuses or fails.
 */
export interface DataKeys {
  /** The key to seal with. */
  current(): Promise<DataKey>;
  /** The key to open with, by its 16-byte id. Rejects with `UnknownDataKey` if no row has it. */
  byId(keyId: Uint8Array): Promise<DataKey>;
  /** Loads the current key ahead of the first message. Makes no key and never rejects. */
  warm(): Promise<void>;
}

/** Says which key is sealed with. Key ids are lower-case hex here. */
export interface Pointer {
  readonly keyId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface DataKeyStore {
  /** The pointer, consistent; none before the first key. */
  readPointer(): Promise<Pointer | undefined>;
  /** The unwrapped key, 32 bytes. Throws `UnknownDataKey` if there is no such row. */
  load(keyId: string): Promise<Uint8Array>;
  /** Makes a key and points to it, unless the pointer has left `previousId` meanwhile: then nothing comes back. */
  create(previousId: string | undefined): Promise<(Pointer & { readonly key: Uint8Array }) | undefined>;
}

/** No row has this key id: the key was deleted, the id is damaged, or it belongs to another deployment. */
export class UnknownDataKey extends Error {
  override readonly name = 'UnknownDataKey';

  constructor(keyId: string) {
    super(
      `There is no data key ${keyId}. If it was deleted by mistake, restore its row from a backup of DataKeys.`,
    );
  }
}

interface DataKeysOptions {
  readonly store: DataKeyStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Age in milliseconds at which a key is succeeded at the latest; by default a day. */
  readonly rotateAfterMs?: number;
  /** Milliseconds that an unwrapped key stays in memory before KMS is asked again; by default an hour. */
  readonly keepMs?: number;
  /** The same while KMS is out of reach; by default 4 hours. */
  readonly keepWhileUnreachableMs?: number;
}

const hourMs = 60 * 60_000;

/** Data keys out of a store, kept in memory for as long as they may be. */
export function makeDataKeysFrom(options: DataKeysOptions): DataKeys {
  const { store, clock, random, telemetry, rotateAfterMs = 24 * hourMs } = options;
  const { keepMs = hourMs, keepWhileUnreachableMs = 4 * hourMs } = options;
  const memory = makeDataKeyMemory({ clock, telemetry, keepMs, keepWhileUnreachableMs });
  const sharing = makeSharing<DataKey>();

  async function load(keyId: string): Promise<DataKey> {
    const askedAt = clock.now();
    try {
      return memory.hold(keyId, await store.load(keyId), askedAt);
    } catch (error) {
      return memory.keepOrThrow(keyId, error);
    }
  }

  const byId = async (keyId: string) => memory.fresh(keyId) ?? (await sharing(keyId, () => load(keyId)));
  const newest = makeCurrentDataKey({ store, memory, byId, clock, random, telemetry, rotateAfterMs });

  return {
    current: async () => newest.known() ?? (await sharing('current', newest.find)),
    byId: async (keyId) => await byId(Buffer.from(keyId).toString('hex')),
    async warm() {
      try {
        await newest.load();
      } catch (error) {
        telemetry.warn('data key not loaded ahead', { error: String(error) });
      }
    },
  };
}

/** Lets callers that ask for the same thing at the same time share one piece of work; nothing outlives it. */
function makeSharing<T>(): (name: string, work: () => Promise<T>) => Promise<T> {
  const underway = new Map<string, Promise<T>>();
  return (name, work) => {
    const running = underway.get(name);
    if (running) return running;
    const started = work().finally(() => underway.delete(name));
    underway.set(name, started);
    return started;
  };
}

interface CurrentOptions
  extends Required<Pick<DataKeysOptions, 'store' | 'clock' | 'random' | 'telemetry' | 'rotateAfterMs'>> {
  readonly memory: DataKeyMemory;
  /** From memory or loaded. */
  readonly byId: (keyId: string) => Promise<DataKey>;
}

/** Each environment draws the age at which it rotates from this last part, so that they do not all do it at once. */
const jitteredShare = 0.1;

/** Follows the pointer to the newest data key, and moves it on when that key is old enough. */
function makeCurrentDataKey(options: CurrentOptions) {
  const { store, memory, byId, clock, random, telemetry, rotateAfterMs } = options;
  let newest: { readonly keyId: string; readonly rotateAt: number } | undefined;

  const dueAt = (pointer: Pointer) => pointer.createdAt + rotateAfterMs * (1 - jitteredShare * random());

  async function adopt({ keyId }: Pointer, rotateAt: number): Promise<DataKey> {
    const dataKey = await byId(keyId);
    newest = { keyId, rotateAt };
    return dataKey;
  }

  async function rotate(previous: Pointer | undefined): Promise<DataKey> {
    const askedAt = clock.now();
    const made = await store.create(previous?.keyId);
    if (made) {
      telemetry.info('data key made', { keyId: made.keyId, previousKeyId: previous?.keyId });
      newest = { keyId: made.keyId, rotateAt: dueAt(made) };
      return memory.hold(made.keyId, made.key, askedAt);
    }
    const winner = await store.readPointer();
    if (winner) return await adopt(winner, dueAt(winner));
    throw new DataKeyUnavailable(
      'unreachable',
      'The current data key changed twice at once. Try again in a moment.',
    );
  }

  /** A rotation can wait, sending cannot. */
  async function rotateOrGoOn(previous: Pointer | undefined): Promise<DataKey> {
    try {
      return await rotate(previous);
    } catch (error) {
      if (previous === undefined || !isUnreachable(error)) {
        memory.letGo(previous?.keyId, error);
        throw error;
      }
      telemetry.count('DataKeyRotationPutOff');
      telemetry.warn('data key rotation put off', { keyId: previous.keyId, error: String(error) });
      return await adopt(previous, clock.now() + policies.dataKey.pause.toMs);
    }
  }

  async function follow(pointer: Pointer): Promise<DataKey> {
    const rotateAt = dueAt(pointer);
    if (clock.now() >= rotateAt) return await rotateOrGoOn(pointer);
    try {
      return await adopt(pointer, rotateAt);
    } catch (error) {
      // Somebody deleted the row it points to: what was sealed under that key is gone, sending must go on.
      if (error instanceof UnknownDataKey) return await rotateOrGoOn(pointer);
      throw error;
    }
  }

  async function find(): Promise<DataKey> {
    let pointer: Pointer | undefined;
    try {
      pointer = await store.readPointer();
    } catch (error) {
      if (newest === undefined) throw error;
      newest = { keyId: newest.keyId, rotateAt: clock.now() + policies.dataKey.pause.toMs };
      return memory.keepOrThrow(newest.keyId, error);
    }
    return pointer ? await follow(pointer) : await rotateOrGoOn(undefined);
  }

  return {
    /** The key to seal with, if memory has it and it is neither to be loaded again nor to be succeeded. */
    known: (): DataKey | undefined =>
      newest && clock.now() < newest.rotateAt ? memory.fresh(newest.keyId) : undefined,
    /** The key to seal with, by the pointer; a new one if that is due. */
    find,
    /** Loads the key that the pointer names, if there is one. Makes no key. */
    async load(): Promise<void> {
      const pointer = await store.readPointer();
      if (pointer) await adopt(pointer, dueAt(pointer));
    },
  };
}
