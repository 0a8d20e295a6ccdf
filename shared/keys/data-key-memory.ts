import type { Clock } from '#shared/runtime/clock.ts';
import { DependencyFailure } from '#shared/runtime/failures.ts';
import { policies } from '#shared/runtime/retries.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';

export interface DataKey {
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/**
 * Why a data key cannot be had:
 * - `revoked`: KMS was asked and refused (denied, disabled, pending deletion, not there);
 * - `unreachable`: KMS or the table timed out, throttled or broke down; the same request may succeed later;
 * - `unusable`: the key's row or the settings are wrong, which concerns this key alone.
 */
type DataKeyFailure = 'revoked' | 'unreachable' | 'unusable';

/** A data key could not be had; the messages under it are good. `message` says what to do, `cause` is the SDK's error. */
export class DataKeyUnavailable extends DependencyFailure {
  override readonly name = 'DataKeyUnavailable';
  readonly reason: DataKeyFailure;

  constructor(reason: DataKeyFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof DataKeyUnavailable && error.reason === 'unreachable';
}

export interface DataKeyMemory {
  /** The key, if it needs no loading. */
  fresh(keyId: string): DataKey | undefined;
  /** Keeps a key whose loading began at `loadedAt`, milliseconds since the epoch. */
  hold(keyId: string, key: Uint8Array, loadedAt: number): DataKey;
  /** The key after loading it has failed with `error`, as long as it may be used nevertheless; otherwise it goes. */
  keepOrThrow(keyId: string, error: unknown): DataKey;
  /** Lets go of what must not be used after `error`. */
  letGo(keyId: string | undefined, error: unknown): void;
}

interface Options {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Milliseconds from loading a key until it is loaded again. */
  readonly keepMs: number;
  /** Milliseconds from loading a key until it must go, although it cannot be loaded again. */
  readonly keepWhileUnreachableMs: number;
}

interface Held {
  readonly dataKey: DataKey;
  /** Until when it may be used, whatever happens. */
  readonly limit: number;
  freshUntil: number;
}

/** More than a year of daily keys, some 300 KB. */
const maxHeld = 400;

/**
 * Unwrapped data keys, for as long as they may stay. The bytes of one that goes are not zeroed: somebody may be sealing
 * with them at this moment.
 */
export function makeDataKeyMemory({
  clock,
  telemetry,
  keepMs,
  keepWhileUnreachableMs,
}: Options): DataKeyMemory {
  /** In the order of their last use. */
  const held = new Map<string, Held>();

  function use(keyId: string): Held | undefined {
    const found = held.get(keyId);
    if (found) {
      held.delete(keyId);
      held.set(keyId, found);
    }
    return found;
  }

  const letGo: DataKeyMemory['letGo'] = (keyId, error) => {
    if (error instanceof DataKeyUnavailable && error.reason === 'revoked') {
      // It concerns every data key: all are wrapped by the one KMS key.
      telemetry.count('DataKeyRefused');
      held.clear();
    } else if (keyId !== undefined) {
      held.delete(keyId);
    }
  };

  return {
    letGo,

    fresh(keyId) {
      const found = use(keyId);
      return found && clock.now() < found.freshUntil ? found.dataKey : undefined;
    },

    hold(keyId, key, loadedAt) {
      for (const [id, { limit }] of held) if (clock.now() >= limit) held.delete(id);
      held.delete(keyId);
      const [longestUnused] = held.keys();
      if (held.size === maxHeld && longestUnused !== undefined) held.delete(longestUnused);
      const dataKey = { keyId: Buffer.from(keyId, 'hex'), key };
      held.set(keyId, {
        dataKey,
        limit: loadedAt + keepWhileUnreachableMs,
        freshUntil: loadedAt + keepMs,
      });
      return dataKey;
    },

    keepOrThrow(keyId, error) {
      const now = clock.now();
      const found = use(keyId);
      if (!found || !isUnreachable(error) || now >= found.limit) {
        letGo(keyId, error);
        throw error;
      }
      found.freshUntil = Math.min(now + policies.dataKey.pause.toMs, found.limit);
      telemetry.count('DataKeyKeptWhileUnreachable');
      telemetry.warn('data key kept while KMS is out of reach', {
        keyId,
        until: found.limit,
        error: String(error),
      });
      return found.dataKey;
    },
  };
}
