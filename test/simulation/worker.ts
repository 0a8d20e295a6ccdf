import { parentPort } from 'node:worker_threads';
import { runSlice } from './slice.ts';

export interface SliceRequest {
  readonly from: number;
  readonly seeds: number;
  readonly first: boolean;
}

/** Runs the slices that it is handed, one after the other. */
parentPort?.on('message', ({ from, seeds, first }: SliceRequest) => {
  runSlice(from, seeds, first).then(
    (result) => parentPort?.postMessage(result),
    // Thrown where nobody catches it: the error event of the worker.
    (error: unknown) => setImmediate(() => Promise.reject(error)),
  );
});
