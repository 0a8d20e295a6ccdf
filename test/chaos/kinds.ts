/** Faults of single calls between the functions and what they call by HTTP. */
export const wireKinds = [
  'delay',
  'throttle',
  'refuse',
  'conflict',
  'reset',
  'unanswered',
  'timeout',
  'fail-after',
] as const;
export type WireKind = (typeof wireKinds)[number];

/** Faults of the connection to the cache. */
export const cacheKinds = ['cache-stall', 'cache-garbage', 'cache-reset'] as const;
export type CacheKind = (typeof cacheKinds)[number];

/** SIGKILLs; a worker is a thread, and is terminated in the middle of a call. */
export const killKinds = ['kill-worker', 'kill-database', 'kill-cache', 'kill-stack'] as const;
export type KillKind = (typeof killKinds)[number];

export type FaultKind = WireKind | CacheKind | KillKind;

export const faultKinds: readonly FaultKind[] = [...wireKinds, ...cacheKinds, ...killKinds];

/** What each one is, for the help and the report. */
export const meanings: Readonly<Record<FaultKind, string>> = {
  delay: 'a call or its answer is held up, some of them longer than the SDK waits',
  throttle: 'refused as the service words throttling, without effect',
  refuse: 'a 5xx, without effect',
  conflict: 'TransactionCanceledException or TransactionConflictException, without effect',
  reset: 'the connection is cut before the effect',
  unanswered: 'it takes effect, and the connection is cut',
  timeout: 'it takes effect, and nothing is ever answered',
  'fail-after': 'it takes effect, and a 5xx is the answer',
  'cache-stall': 'the cache is silent for a while',
  'cache-garbage': "bytes of the cache's replies are changed, or replaced, or added",
  'cache-reset': 'the connection to the cache is cut',
  'kill-worker': 'the environments of a Lambda end in the middle of a call, before or after its effect',
  'kill-database': 'SIGKILL of the database; it starts again on its file',
  'kill-cache': 'SIGKILL of the cache server; an empty one starts',
  'kill-stack': 'SIGKILL of stack, database and cache at once; all start again on the same port and data',
};
