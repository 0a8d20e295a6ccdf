import { clientError, type PostriderError } from './errors.ts';

export type Listener<Payload> = (payload: Payload) => unknown;

export interface Events<Map extends { error: PostriderError }> {
  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof Map>(name: Name, listener: Listener<Map[Name]>): () => void;
  /** Calls every listener, in the order in which they were added. Resolves when what they returned has; never rejects. */
  emit<Name extends keyof Map>(name: Name, payload: Map[Name]): Promise<void>;
}

/** Typed events. What a listener throws becomes an `error` event, and keeps nobody else from hearing. */
export function makeEvents<Map extends { error: PostriderError }>(): Events<Map> {
  const listeners: { [Name in keyof Map]?: Set<Listener<Map[Name]>> } = {};

  async function call<Name extends keyof Map>(name: Name, listener: Listener<Map[Name]>, payload: Map[Name]) {
    try {
      await listener(payload);
    } catch (cause) {
      // What fails while it is told of a failure is not told of that one as well.
      if (name !== 'error')
        // A listener of errors that never ends must hold nobody else up.
        void emit('error', clientError('handler_failed', `A "${String(name)}" listener failed.`, cause));
    }
  }

  /** Listeners are called at once; only what they return is waited for. */
  async function emit<Name extends keyof Map>(name: Name, payload: Map[Name]): Promise<void> {
    const all = [...(listeners[name] ?? [])];
    // biome-ignore lint/suspicious/noConsole: an error that nobody listens for must not vanish.
    if (name === 'error' && all.length === 0) console.error(payload);
    await Promise.all(all.map((listener) => call(name, listener, payload)));
  }

  return {
    on(name, listener) {
      const own: Listener<Map[typeof name]> = (payload) => listener(payload);
      const all = listeners[name] ?? new Set();
      listeners[name] = all.add(own);
      return () => void all.delete(own);
    },
    emit,
  };
}
