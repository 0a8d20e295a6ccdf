/** How far another member of a conversation has got. */
export interface Receipt {
  readonly conversationId: string;
  readonly userId: string;
  /** All up to here has arrived on one of their devices. */
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

export interface Receipts {
  /** Receipts may come twice and out of order: gives the highest numbers so far, or undefined if a receipt adds nothing. */
  latest(receipt: Receipt): Receipt | undefined;
  /** In another life of the data the numbers begin anew. */
  reset(): void;
}

export function makeReceipts(): Receipts {
  const latest = new Map<string, Receipt>();

  function take({ conversationId, userId, deliveredSeq, readSeq }: Receipt): Receipt | undefined {
    // A line break cannot be part of a user id.
    const key = `${userId}\n${conversationId}`;
    const known = latest.get(key);
    if (known && deliveredSeq <= known.deliveredSeq && readSeq <= known.readSeq) return undefined;
    const receipt = {
      conversationId,
      userId,
      deliveredSeq: Math.max(deliveredSeq, known?.deliveredSeq ?? 0),
      readSeq: Math.max(readSeq, known?.readSeq ?? 0),
    };
    latest.set(key, receipt);
    return receipt;
  }

  return { latest: take, reset: () => latest.clear() };
}
