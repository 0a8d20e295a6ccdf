/** A part outside of us failed or did not answer in time; trying again later may help. */
export class DependencyFailure extends Error {
  override readonly name: string = 'DependencyFailure';
}

/** A commit whose outcome could not be learnt in time: it may have taken place. */
export class OutcomeUnknown extends DependencyFailure {
  override readonly name = 'OutcomeUnknown';
}

/** A ciphertext that is damaged, moved to another place, or not ours. Trying again will not help. */
export class UnreadableMessage extends Error {
  override readonly name = 'UnreadableMessage';
}
