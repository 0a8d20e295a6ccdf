import type { Flow } from '#localstack/inspector/flow.ts';

export interface Watch {
  /** By id, each as it was last told. */
  readonly flows: ReadonlyMap<number, Flow>;
  /** Everything that was told, as it came. */
  text(): string;
  /** Waits for a flow that is over and that `isWanted`. */
  flow(isWanted: (flow: Flow) => boolean): Promise<Flow>;
  stop(): void;
}

/** Watches a stack's `/inspect`. */
export async function watchFlows(httpUrl: string): Promise<Watch> {
  const stopping = new AbortController();
  const response = await fetch(`${httpUrl}/inspect`, { signal: stopping.signal });
  const flows = new Map<number, Flow>();
  let text = '';
  let wake = Promise.withResolvers<void>();

  async function read(): Promise<void> {
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const events = (rest + chunk).split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events.filter((one) => one.startsWith('data: '))) {
        const flow = JSON.parse(event.slice('data: '.length)) as Flow;
        flows.set(flow.id, flow);
      }
      wake.resolve();
      wake = Promise.withResolvers();
    }
  }
  void read().catch(() => undefined);

  return {
    flows,
    text: () => text,
    async flow(isWanted) {
      for (;;) {
        const found = [...flows.values()].find((flow) => flow.outcome !== 'running' && isWanted(flow));
        if (found) return found;
        await wake.promise;
      }
    },
    stop: () => stopping.abort(),
  };
}
