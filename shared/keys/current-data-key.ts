import type { Clock, Random } from '#shared/runtime/clock.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';
import { DataKeyUnavailable, isUnreachable, UnknownDataKey } from './data-key-errors.ts';
import { type DataKey, type DataKeyMemory, retryPauseMs } from './data-key-memory.lru.ts';
import type { DataKeyStore, Pointer } from './data-key-store.kms.ts';

interface Options {
  readonly store: DataKeyStore;
  readonly memory: DataKeyMemory;
  /** From memory or loaded. */
  readonly byId: (keyId: string) => Promise<DataKey>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly rotateAfterMs: number;
}

export interface CurrentDataKey {
  /** The key to seal with, if memory has it and it is neither to be loaded again nor to be succeeded. */
  known(): DataKey | undefined;
  /** The key to seal with, by the pointer; a new one if that is due. */
  find(): Promise<DataKey>;
  /** Loads the key that the pointer names, if there is one. Makes no key. */
  load(): Promise<void>;
}

/** Each environment draws the age at which it rotates from this last part, so that they do not all do it at once. */
const jitteredShare = 0.1;

/** Follows the pointer to the newest data key, and moves it on when that key is old enough. */
export function makeCurrentDataKey(options: Options): CurrentDataKey {
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
      return await adopt(previous, clock.now() + retryPauseMs);
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
      newest = { keyId: newest.keyId, rotateAt: clock.now() + retryPauseMs };
      return memory.keepOrThrow(newest.keyId, error);
    }
    return pointer ? await follow(pointer) : await rotateOrGoOn(undefined);
  }

  return {
    known: () => (newest && clock.now() < newest.rotateAt ? memory.fresh(newest.keyId) : undefined),
    find,
    async load() {
      const pointer = await store.readPointer();
      if (pointer) await adopt(pointer, dueAt(pointer));
    },
  };
}
