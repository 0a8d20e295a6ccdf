import { makeFrameGuard } from '#localstack/emulators/gateway/frame-guard.ts';
import { frame } from '../../localstack/emulators/gateway/frame.ts';
import { type FuzzTarget, hold } from '../target.ts';

const limit = 32_768;

/** Bytes after the handshake: the guard sees the same frames wherever the network cuts them, and lets no bad one through. */
export const target: FuzzTarget = {
  files: ['localstack/emulators/gateway/frame-guard.ts'],
  seeds: [
    Buffer.concat([frame(1, 'one'), frame(9, ''), frame(1, 'two')]),
    Buffer.concat([frame(1, 'a', false), frame(0, 'b', false), frame(0, 'c')]),
    Buffer.concat([frame(1, 'x'), frame(2, 'binary')]),
    frame(1, 'x'.repeat(200)),
    Buffer.concat([frame(1, 'x'.repeat(limit)), frame(8, '\u0003\ue800')]),
    frame(1, 'x'.repeat(limit + 1)),
    Uint8Array.of(0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
  ],
  words: ['\u0081', '\u0082', '\u0000', '\u0001', '\u007e', '\u007f', '~', 'ÿ'],
  run(input) {
    const whole = watch([Buffer.from(input)]);
    hold(whole.codes.length <= 1, 'more than one violation');
    const cuts = [...input].map((byte) => Buffer.of(byte));
    hold(
      JSON.stringify(watch(cuts)) === JSON.stringify(whole),
      'another answer where the network cuts elsewhere',
    );
  },
};

function watch(chunks: readonly Buffer[]): { codes: number[]; admitted: number } {
  const codes: number[] = [];
  const guard = makeFrameGuard(limit, (code) => codes.push(code));
  for (const chunk of chunks) guard.inspect(chunk);
  let admitted = 0;
  while (admitted <= limit && guard.admitsNextMessage()) admitted += 1;
  return { codes, admitted };
}
