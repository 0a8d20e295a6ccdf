/** What the client uses of its surroundings where they have it: browsers, workers, Node and React Native all differ. */

interface EventSource {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

/** Web Locks: https://w3c.github.io/web-locks/ */
export interface Locks {
  request<Result>(
    name: string,
    options: { readonly ifAvailable?: boolean; readonly signal?: AbortSignal },
    run: (lock: unknown) => Promise<Result>,
  ): Promise<Result>;
}

interface Surroundings extends Partial<EventSource> {
  readonly document?: Partial<EventSource> & { readonly visibilityState?: string };
  readonly navigator?: { readonly onLine?: boolean; readonly locks?: Locks };
}

const surroundings: Surroundings = globalThis as object;

export function isKnownOffline(): boolean {
  return surroundings.navigator?.onLine === false;
}

export function webLocks(): Locks | undefined {
  return surroundings.navigator?.locks;
}

/** Calls `run` whenever the network or the page is back; the returned function ends that. */
export function onReturn(run: () => void): () => void {
  const { document } = surroundings;
  const onVisible = () => {
    if (document?.visibilityState === 'visible') run();
  };
  const undoes = [listen(surroundings, 'online', run), listen(document, 'visibilitychange', onVisible)];
  return () => {
    for (const undo of undoes) undo();
  };
}

function listen(source: Partial<EventSource> | undefined, type: string, listener: () => void): () => void {
  if (typeof source?.addEventListener !== 'function') return () => {};
  source.addEventListener(type, listener);
  return () => source.removeEventListener?.(type, listener);
}
