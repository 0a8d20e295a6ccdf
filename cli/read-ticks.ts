interface Progress {
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

/** Says of the last message that was sent, once each, that it was delivered and that it was read. */
export function makeReadTicks() {
  let lastSent = 0;
  let told: 'sent' | 'delivered' | 'read' = 'read';
  return {
    sent(seq: number): void {
      lastSent = seq;
      told = 'sent';
    },
    receipt({ deliveredSeq, readSeq }: Progress): 'delivered' | 'read' | undefined {
      if (readSeq >= lastSent && told !== 'read') told = 'read';
      else if (deliveredSeq >= lastSent && told === 'sent') told = 'delivered';
      else return undefined;
      return told;
    },
  };
}
