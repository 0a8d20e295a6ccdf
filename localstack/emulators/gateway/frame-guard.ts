/**
 * The rules for inbound frames that `ws` cannot apply, since it hands over whole messages. API Gateway takes no binary
 * frame (1003) and no data frame above its quota (1009). The message that a frame belongs to may be longer.
 */
export interface FrameGuard {
  /** Sees the bytes of the socket before `ws` does. */
  inspect(chunk: Buffer): void;
  /** To be asked once per message of `ws`, in order: whether the next one kept to the rules. */
  admitsNextMessage(): boolean;
}

/** `onViolation` comes once, while the chunk with the offending header is still being handled. */
export function makeFrameGuard(frameBytes: number, onViolation: (code: 1003 | 1009) => void): FrameGuard {
  // 2 bytes, up to 8 of extended length, 4 of mask.
  const header = Buffer.alloc(14);
  let headerFilled = 0;
  let payloadLeft = 0;
  let messagesBegun = 0;
  let messagesAsked = 0;
  let violatedIn = Number.POSITIVE_INFINITY;

  function endHeader(): void {
    headerFilled = 0;
    payloadLeft = payloadLength(header);
    const opcode = (header[0] ?? 0) & 0x0f;
    if (opcode >= 0x08) return;
    if (opcode !== 0x00) messagesBegun += 1;
    const code = opcode === 0x02 ? 1003 : payloadLeft > frameBytes ? 1009 : undefined;
    if (code === undefined) return;
    violatedIn = messagesBegun;
    onViolation(code);
  }

  return {
    inspect(chunk) {
      let offset = 0;
      while (offset < chunk.length && violatedIn === Number.POSITIVE_INFINITY) {
        if (payloadLeft > 0) {
          const skipped = Math.min(payloadLeft, chunk.length - offset);
          payloadLeft -= skipped;
          offset += skipped;
          continue;
        }
        header[headerFilled] = chunk[offset] ?? 0;
        headerFilled += 1;
        offset += 1;
        if (headerFilled >= 2 && headerFilled === headerLength(header)) endHeader();
      }
    },
    admitsNextMessage() {
      messagesAsked += 1;
      // A message that began unseen is refused as well: better to lose one on a dying socket than to let a rule be passed by.
      return messagesAsked <= messagesBegun && messagesAsked < violatedIn;
    },
  };
}

function headerLength(header: Buffer): number {
  const second = header[1] ?? 0;
  const length = second & 0x7f;
  const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
  const mask = (second & 0x80) === 0 ? 0 : 4;
  return 2 + extended + mask;
}

function payloadLength(header: Buffer): number {
  const length = (header[1] ?? 0) & 0x7f;
  if (length === 126) return header.readUInt16BE(2);
  if (length === 127) return Number(header.readBigUInt64BE(2));
  return length;
}
