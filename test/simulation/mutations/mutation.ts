interface Edit {
  readonly find: string;
  readonly replace: string;
}

/** One guard taken out of the product's source: wherever `find` stands, `replace` is what is left without it. */
export interface Mutation extends Edit {
  readonly guard: string;
  readonly file: string;
  readonly and?: Edit;
  /** A test file that goes red, below test/. */
  readonly test: string;
}

/** The source without the guard. Throws where the guard is not found: the source has changed, so must the mutation. */
export function withoutGuard(source: string, { guard, find, replace, and }: Mutation): string {
  const edits = [{ find, replace }, ...(and ? [and] : [])];
  return edits.reduce((text, edit) => {
    if (!text.includes(edit.find)) throw new Error(`"${guard}": the source no longer has ${edit.find}`);
    return text.replaceAll(edit.find, () => edit.replace);
  }, source);
}
