import { byteLength } from './fields.ts';
import { limits } from './limits.ts';

/** Bytes that are left for the items of a list in the frame that `emptyFrame` is, with no item in it. */
export function roomIn(emptyFrame: string): number {
  return limits.frameBytes - byteLength(emptyFrame);
}

/** Bytes that an item takes in a list: itself and a comma. */
export function sizeOf(item: unknown): number {
  return byteLength(JSON.stringify(item)) + 1;
}

/** The first of `items` that fit into `room` bytes together. */
export function fitting<T>(items: readonly T[], room: number): T[] {
  let left = room;
  const fits = items.findIndex((item) => {
    left -= sizeOf(item);
    return left < 0;
  });
  return fits === -1 ? [...items] : items.slice(0, fits);
}
