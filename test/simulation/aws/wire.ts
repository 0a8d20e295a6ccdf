import type { Dice } from '../dice.ts';
import type { Fate, Faults } from '../faults.ts';
import type { Sandbox } from '../sandbox.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Trace } from '../trace.ts';

export interface Answer<T> {
  ok(value: T): void;
  fail(error: unknown): void;
}

/** One call of an SDK client, its retries included. */
export interface Call<T> {
  /** For the trace. */
  readonly name: string;
  readonly timeoutMs: number;
  /** The SDK client's `maxAttempts`. */
  readonly maxAttempts: number;
  /** What the service does once the request has arrived; it answers at once or later. */
  perform(answer: Answer<T>): void;
}

/** Between an environment and AWS: delays, reorders, loses, repeats. */
export interface Wire {
  call<T>(sandbox: Sandbox, call: Call<T>): Promise<T>;
}

interface Options {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly faults: Faults;
  readonly trace: Trace;
}

/** An SDK error as a service or the network makes it. */
export function awsError(name: string, httpStatusCode: number | undefined, fields: object = {}): Error {
  const $fault = httpStatusCode !== undefined && { $fault: httpStatusCode < 500 ? 'client' : 'server' };
  return Object.assign(new Error(name), { name, ...$fault, $metadata: { httpStatusCode }, ...fields });
}

const retried = new Set([
  'TimeoutError',
  'ECONNRESET',
  'ThrottlingException',
  'InternalServerError',
  'ServiceUnavailable',
]);

export function makeWire(options: Options): Wire {
  const { scheduler, dice, trace } = options;
  const attempt = makeAttempt(options);
  let calls = 0;
  return {
    async call(sandbox, call) {
      calls += 1;
      const label = trace.isKept ? `${sandbox.name} #${calls} ${call.name}` : '';
      for (let number = 1; ; number += 1) {
        try {
          return await attempt(sandbox, call, label);
        } catch (error) {
          const isLast = number >= call.maxAttempts || !retried.has((error as Error).name);
          if (isLast) throw error;
          // The SDK's own backoff: full jitter below 100 ms, 200 ms …
          await new Promise<void>((resolve) => {
            scheduler.after(dice.between(0, 100 * number), () => sandbox.resume(resolve));
          });
          trace.note(label, 'is sent again by the SDK');
        }
      }
    },
  };
}

function makeAttempt({ scheduler, dice, faults, trace }: Options) {
  /** Mostly some milliseconds, now and then many. */
  const latency = () => (faults.happens('slow') ? dice.between(10, 900) : dice.between(0, 6));

  return <T>(sandbox: Sandbox, call: Call<T>, label: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const fate: Fate = faults.fateOf();
      let isSettled = false;
      const settle = (milliseconds: number, what: string, how: () => void) =>
        scheduler.after(milliseconds, () => {
          if (isSettled) return;
          sandbox.resume(() => {
            if (isSettled) return;
            isSettled = true;
            trace.note(label, '→', what);
            how();
          });
        });
      const fail = (milliseconds: number, error: Error): void => {
        settle(milliseconds, error.name, () => reject(error));
      };

      trace.note(label, fate === 'fine' ? '' : `(${fate})`);
      if (fate === 'throttled') return fail(latency(), awsError('ThrottlingException', 400));
      if (fate === 'refused') return fail(latency(), awsError('InternalServerError', 500));
      if (fate === 'lost' || fate === 'answerLost') {
        if (dice.chance(0.5))
          fail(dice.between(1, 60), awsError('ECONNRESET', undefined, { code: 'ECONNRESET' }));
        else fail(call.timeoutMs, awsError('TimeoutError', undefined));
      }
      if (fate === 'lost') return;
      if (fate === 'late') fail(call.timeoutMs, awsError('TimeoutError', undefined));

      const answer: Answer<T> = {
        ok: (value) => {
          if (fate === 'failedAfter') fail(latency(), awsError('ServiceUnavailable', 503));
          else if (fate !== 'answerLost') settle(latency(), 'ok', () => resolve(value));
        },
        fail: (error) => {
          if (fate !== 'answerLost') fail(latency(), error as Error);
        },
      };
      const arrival = fate === 'late' ? call.timeoutMs + dice.between(0, 5_000) : latency();
      scheduler.after(arrival, () => {
        // Of what a dying environment had under way, some had left and some had not.
        if (sandbox.isDead() && dice.chance(0.5)) return;
        trace.note(label, 'takes effect');
        call.perform(answer);
      });
    });
}
