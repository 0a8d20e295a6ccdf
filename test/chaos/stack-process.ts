/** The local stack in a process of its own, with faults on its wire, so that it can be killed and started again. */
import { stop as stopBundler } from 'esbuild';
import { startStack } from '#localstack/stack.ts';
import { makeRandom } from '#test/contract/history/random.ts';
import { UNTHROTTLED } from '#test/contract/support/target.ts';
import { report, serveParent, settingsOf } from './child.ts';
import type { WireKind } from './kinds.ts';
import { type Injected, makeWireFaults } from './wire-faults.ts';

export interface StackSettings {
  readonly port: number;
  readonly dataDir: string;
  readonly seed: number;
  readonly cache: boolean;
}

export type StackOrder =
  | { readonly type: 'weather'; readonly rates: Readonly<Partial<Record<WireKind, number>>> }
  | { readonly type: 'kill-worker'; readonly functionName: string; readonly moment: 'before' | 'after' }
  | { readonly type: 'calm' }
  | { readonly type: 'how silent' };

export type StackReport =
  | { readonly type: 'ready'; readonly url: string; readonly httpUrl: string }
  | { readonly type: 'fault'; readonly fault: Injected }
  | { readonly type: 'silent'; readonly milliseconds: number };

const tell = (message: StackReport) => report(message);

const { port, dataDir, seed, cache } = settingsOf<StackSettings>();
const stack = await startStack({
  port,
  dataDir,
  cache,
  environment: {
    RATE_LIMITS: JSON.stringify(UNTHROTTLED),
    // Every 18 seconds, so that keys change among the faults.
    DATA_KEY_HOURS: '0.005',
  },
  onLog: (line) => process.stdout.write(`${new Date().toISOString()} ${line}\n`),
});
await stopBundler();

const faults = makeWireFaults({
  random: makeRandom(seed),
  onFault: (fault) => tell({ type: 'fault', fault }),
  kill: async (functionName) => await stack.functions[functionName]?.kill(),
});
stack.wire.intercept(faults.interceptor);

serveParent<StackOrder>((order) => {
  if (order.type === 'weather') faults.set(order.rates);
  else if (order.type === 'kill-worker') faults.armKill(order.functionName, order.moment);
  else if (order.type === 'calm') faults.stop();
  else tell({ type: 'silent', milliseconds: faults.silentMs() });
});
tell({ type: 'ready', url: stack.url, httpUrl: stack.httpUrl });
