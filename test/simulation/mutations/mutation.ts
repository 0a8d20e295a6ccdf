interface Edit {
  readonly find: string;
  readonly replace: string;
}

/** One guard taken out of the product's source: wherever `find` stands, `replace` is what is left without it. */
export interface Mutation extends Edit {
  readonly guard: string;
  readonly file: string;
  readonly and?: Edit;
}

/**
 * The source without the guard, which is found however the formatter has laid it out. Throws where it is not found: the
 * source has changed, so must the mutation.
 */
export function withoutGuard(source: string, { guard, find, replace, and }: Mutation): string {
  const edits = [{ find, replace }, ...(and ? [and] : [])];
  return edits.reduce((text, edit) => {
    const spans = occurrences(text, edit.find);
    if (spans.length === 0) throw new Error(`"${guard}": the source no longer has ${edit.find}`);
    return spans.reduceRight(
      (left, [start, end]) => left.slice(0, start) + edit.replace + left.slice(end),
      text,
    );
  }, source);
}

/** Where `text` has what is wanted, from and to, compared by what stands there besides layout. */
function occurrences(text: string, wanted: string): (readonly [start: number, end: number])[] {
  const [{ letters, at }, pattern] = [withoutLayout(text), withoutLayout(wanted).letters];
  const spans: (readonly [number, number])[] = [];
  for (let from = letters.indexOf(pattern); from !== -1; from = letters.indexOf(pattern, from + 1))
    spans.push([at[from] ?? 0, (at[from + pattern.length - 1] ?? 0) + 1]);
  return spans;
}

/** The text without white space and without the commas that a formatter puts at the ends of long lists. */
function withoutLayout(text: string): { readonly letters: string; readonly at: readonly number[] } {
  const isLayout = (index: number) =>
    /\s/.test(text.charAt(index)) ||
    (text.charAt(index) === ',' && /^,\s*[)\]}]/.test(text.slice(index, index + 80)));
  const at = Array.from(text, (_, index) => index).filter((index) => !isLayout(index));
  return { letters: at.map((index) => text.charAt(index)).join(''), at };
}
