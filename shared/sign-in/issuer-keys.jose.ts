import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '#shared/runtime/clock.ts';
import { policies } from '#shared/runtime/retries.ts';
import type { Telemetry } from '#shared/runtime/telemetry.ts';

/** The keys that an issuer publishes, as far as they are known here. */
export interface IssuerKeys {
  /** The key that fits a header. Throws jose's errors where none fits, or several. */
  readonly find: JWTVerifyGetKey;
  /** Sees to it that keys are known and not too old. Throws where none can be had. */
  load(): Promise<void>;
  /**
   * Looks for newer keys, and tells whether it did: not where they were read a moment ago. Throws where the issuer does not
   * give them, or did not a moment ago.
   */
  lookAgain(): Promise<boolean>;
}

interface Options {
  readonly clock: Clock;
  /** Milliseconds for which keys count on after they were read, where the issuer does not give them again. */
  readonly keepMs: number;
  readonly telemetry: Pick<Telemetry, 'warn'>;
}

/** Keys older than this are asked for again. While the issuer answers, a withdrawn key counts no longer. */
const freshMs = 600_000;
/** Whoever invents names of keys has the issuer asked once in this time. */
const lookIntervalMs = 30_000;
const timeoutMs = 3_000;

/**
 * The keys at `uri`. One request at a time asks for them, and after one that failed there is a pause, in which nobody waits for
 * an issuer that is out of reach: what is known counts on, and otherwise the failure is told at once.
 */
export function remoteKeys(uri: string, { clock, keepMs, telemetry }: Options): IssuerKeys {
  // What is asked for when is decided here: the library would ask again for each token while the issuer fails.
  const forEver = { cacheMaxAge: Number.POSITIVE_INFINITY, cooldownDuration: Number.POSITIVE_INFINITY };
  const published = createRemoteJWKSet(new URL(uri), { timeoutDuration: timeoutMs, ...forEver });
  let readAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let pauseEnd = Number.NEGATIVE_INFINITY;
  let lastFailure: unknown;
  let underWay: Promise<void> | undefined;

  const age = () => clock.now() - readAt;

  async function read(): Promise<void> {
    try {
      await published.reload();
      readAt = clock.now();
      failures = 0;
      pauseEnd = Number.NEGATIVE_INFINITY;
    } catch (error) {
      const { fromMs, toMs } = policies.issuerKeys.pause;
      pauseEnd = clock.now() + Math.min(toMs, fromMs * 2 ** failures);
      failures += 1;
      lastFailure = error;
      if (age() < keepMs) telemetry.warn('known keys of the issuer are kept', { failures, ageMs: age() });
      throw error;
    } finally {
      underWay = undefined;
    }
  }

  function look(): Promise<void> {
    if (underWay) return underWay;
    if (clock.now() < pauseEnd)
      return Promise.reject(
        new Error('The issuer did not give its keys a moment ago.', { cause: lastFailure }),
      );
    underWay = read();
    return underWay;
  }

  return {
    find: published,

    async load() {
      if (age() < freshMs) return;
      const mayCountOn = age() < keepMs;
      // One waits to see whether there are newer ones; the others go on.
      if (mayCountOn && underWay) return;
      await look().catch((error: unknown) => {
        if (!mayCountOn) throw error;
      });
    },

    async lookAgain() {
      if (age() < lookIntervalMs) return false;
      await look();
      return true;
    },
  };
}
