/** A client's frame, masked by zeros. `opcode`: 0 continuation, 1 text, 2 binary, 8 close, 9 ping. */
export function frame(opcode: number, payload: Buffer | string, fin = true): Buffer {
  const data = Buffer.from(payload);
  const head = Buffer.alloc(data.length < 126 ? 2 : data.length < 65_536 ? 4 : 10);
  head[0] = opcode | (fin ? 0x80 : 0);
  head[1] = 0x80 | (data.length < 126 ? data.length : data.length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(data.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(data.length), 2);
  return Buffer.concat([head, Buffer.alloc(4), data]);
}
