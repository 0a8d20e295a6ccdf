type Values<Work extends readonly unknown[]> = { -readonly [Key in keyof Work]: Awaited<Work[Key]> };

/**
 * As `Promise.all`, but it does not reject before everything has settled: what is still starting when something else
 * fails could not be stopped otherwise.
 */
export async function settleAll<const Work extends readonly unknown[]>(work: Work): Promise<Values<Work>> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as Values<Work>;
}
