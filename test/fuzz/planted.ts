/** A defect behind six checks, for the fuzzer's own test. */
export function step(input: Uint8Array): void {
  if (input[0] !== 0x64) return;
  if (input[1] !== 0x65) return;
  if (input[2] !== 0x66) return;
  if (input[3] !== 0x65) return;
  if (input[4] !== 0x63) return;
  if (input[5] !== 0x74) return;
  throw new Error('found');
}
