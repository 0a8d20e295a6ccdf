/** What crosses between the process and a worker thread: strings and plain data, so that nothing is shared by reference. */

/** What a worker thread is born with. */
export interface RuntimeData {
  /** The bundle, an absolute path. */
  readonly file: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly timeoutMs: number;
  /** One cell: 0 while the environment is to stay frozen, 1 when an invocation is waiting for it. */
  readonly wake: Int32Array;
}

export interface Invocation {
  readonly requestId: string;
  /** `Root=…`, as the function finds it in its environment. */
  readonly trace: string;
  /** JSON. */
  readonly event: string;
}

/** The error document of a Lambda, in its own field names. */
export interface RuntimeError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

export type RuntimeMessage =
  | { readonly type: 'log'; readonly line: string }
  /** The bundle is loaded: from here on the function's time-out counts. */
  | { readonly type: 'initialised' }
  | { readonly type: 'result' /** JSON. */; readonly payload: string }
  /** The handler threw. The environment lives on. */
  | { readonly type: 'error'; readonly error: RuntimeError }
  /** The environment is about to exit, and this is why. */
  | { readonly type: 'crash'; readonly error: RuntimeError };
