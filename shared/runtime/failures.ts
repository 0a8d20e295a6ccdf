/** A part outside of us failed or did not answer in time; trying again later may help. */
export class DependencyFailure extends Error {
  override readonly name: string = 'DependencyFailure';
}

/**
 * Rows that belong together kept telling different things: a busy moment, or tables that were restored to different ones.
 */
export class RowsDisagree extends DependencyFailure {}

/** A commit whose outcome could not be learnt in time: it may have taken place. */
export class OutcomeUnknown extends DependencyFailure {
  override readonly name = 'OutcomeUnknown';
}

/** A ciphertext that is damaged, moved to another place, or not ours. Trying again will not help. */
export class UnreadableMessage extends Error {
  override readonly name = 'UnreadableMessage';
}

/**
 * A row that is not as its table is declared (`aws/tables.ts`): a defect, or somebody else's hand. It tells the row by its
 * key and says what was expected, but never what is there.
 */
export class UnfitRow extends Error {
  override readonly name = 'UnfitRow';
  readonly table: string;
  readonly key: Readonly<Record<string, unknown>>;
  readonly attribute: string;

  constructor(table: string, key: Readonly<Record<string, unknown>>, attribute: string, expected: string) {
    super(`A row of ${table} has no "${attribute}" that is ${expected}: ${JSON.stringify(key)}.`);
    this.table = table;
    this.key = key;
    this.attribute = attribute;
  }
}

/** Told of a row that is passed over. */
export type OnUnfit = (failure: UnfitRow) => void;
