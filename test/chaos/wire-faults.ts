import { setTimeout as sleep } from 'node:timers/promises';
import type { WireAnswer, WireCall, WireInterceptor } from '#localstack/wire/wire.ts';
import type { Random } from '#test/contract/history/random.ts';
import { type WireKind, wireKinds } from './kinds.ts';
import { conflictOf, failureOf, throttlingOf } from './refusals.ts';

/** A fault as it happened. */
export interface Injected {
  readonly kind: WireKind | 'kill-worker';
  readonly service: string;
  readonly operation: string;
  /** Of the function that made the call; undefined for what is made outside an invocation. */
  readonly functionName: string | undefined;
  /** More of it, for the report. */
  readonly detail?: string;
}

export interface WireFaultsOptions {
  readonly random: Random;
  onFault(fault: Injected): void;
  /** Ends every environment of a function. */
  kill(functionName: string): Promise<void>;
}

export interface WireFaults {
  readonly interceptor: WireInterceptor;
  /** How often each kind befalls a call from here on, in percent. */
  set(rates: Readonly<Partial<Record<WireKind, number>>>): void;
  /** The next call of this function is its environments' last. */
  armKill(functionName: string, moment: 'before' | 'after'): void;
  /** From here on nothing fails. What is held up goes on, or is cut if its answer was to be lost. */
  stop(): void;
  /** Milliseconds since a call was last under way; 0 while one is. */
  silentMs(): number;
}

type Next = () => Promise<WireAnswer | 'cut'>;

/** Delays up to here; above 2,000 ms every client of the functions gives up before. */
const longestDelayMs = 3_000;
/** Longer than every client of the functions waits. */
const neverMs = 8_000;

export function makeWireFaults({ random, onFault, kill }: WireFaultsOptions): WireFaults {
  let rates: Readonly<Partial<Record<WireKind, number>>> = {};
  const armed = new Map<string, 'before' | 'after'>();
  let underWay = 0;
  let lastEnd = performance.now();
  const stopping = new AbortController();

  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  /** What becomes of a call: each kind by itself, so that they meet. */
  function fateOf(call: WireCall): WireKind | undefined {
    return wireKinds.find(
      (kind) =>
        random.chance(rates[kind] ?? 0) && (kind !== 'conflict' || conflictOf(call, random) !== undefined),
    );
  }

  async function suffer(kind: WireKind, call: WireCall, forward: Next): Promise<WireAnswer | 'cut'> {
    switch (kind) {
      case 'delay': {
        const ms = random.chance(80) ? random.below(600) : random.below(longestDelayMs);
        const before = random.chance(50);
        if (before) await pause(ms);
        const answer = await forward();
        if (!before) await pause(ms);
        return answer;
      }
      case 'throttle':
        return throttlingOf(call, random);
      case 'refuse':
        return failureOf(call, random);
      case 'conflict':
        return conflictOf(call, random) ?? forward();
      case 'reset':
        return 'cut';
      case 'unanswered':
        await forward();
        return 'cut';
      case 'timeout':
        await forward();
        await pause(neverMs);
        return 'cut';
      case 'fail-after':
        await forward();
        return failureOf(call, random);
    }
  }

  async function die(call: WireCall, moment: 'before' | 'after', forward: Next): Promise<'cut'> {
    if (moment === 'after') await forward();
    if (call.invocation) await kill(call.invocation.functionName);
    return 'cut';
  }

  async function intercept(call: WireCall, forward: Next): Promise<WireAnswer | 'cut'> {
    const { service, operation } = call;
    const functionName = call.invocation?.functionName;
    const fault = { service, operation, functionName };
    const moment = armed.get(functionName ?? '');
    if (moment !== undefined) {
      armed.delete(functionName ?? '');
      onFault({ kind: 'kill-worker', ...fault, detail: `${moment} its effect` });
      return die(call, moment, forward);
    }
    const kind = fateOf(call);
    if (kind === undefined) return forward();
    onFault({ kind, ...fault });
    return suffer(kind, call, forward);
  }

  return {
    interceptor: async (call, forward) => {
      underWay += 1;
      try {
        return await intercept(call, forward);
      } finally {
        underWay -= 1;
        lastEnd = performance.now();
      }
    },
    set(next) {
      rates = next;
    },
    armKill(functionName, moment) {
      armed.set(functionName, moment);
    },
    stop() {
      rates = {};
      armed.clear();
      stopping.abort();
    },
    silentMs: () => (underWay > 0 ? 0 : performance.now() - lastEnd),
  };
}
