import type { Random } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import { makeCurrentDataKey } from './current-data-key.ts';
import { type DataKey, makeDataKeyMemory } from './data-key-memory.lru.ts';
import { type DataKeyStoreOptions, makeDataKeyStore } from './data-key-store.kms.ts';

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

interface DataKeysOptions extends DataKeyStoreOptions {
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Age in milliseconds at which a key is succeeded at the latest: a day by default. */
  readonly rotateAfterMs?: number;
  /** Milliseconds that an unwrapped key stays in memory before KMS is asked again: an hour by default. */
  readonly keepMs?: number;
  /** The same while KMS is out of reach: 4 hours by default. */
  readonly keepWhileUnreachableMs?: number;
}

const hourMs = 60 * 60_000;

export function makeDataKeys(options: DataKeysOptions): DataKeys {
  const { clock, random, telemetry, rotateAfterMs = 24 * hourMs } = options;
  const { keepMs = hourMs, keepWhileUnreachableMs = 4 * hourMs } = options;
  const store = makeDataKeyStore(options);
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
