/**
 * Which messages of a batch failed, by a function's partial batch response, as AWS documents it. Nothing at all, `{}`
 * and an empty or null list mean that all went well. Whatever cannot be understood, or names a message that was not in
 * the batch, means that all failed.
 */
export function failedMessageIds(response: unknown, messageIds: ReadonlySet<string>): ReadonlySet<string> {
  const none: ReadonlySet<string> = new Set();
  if (response === null || response === undefined) return none;
  if (typeof response !== 'object' || Array.isArray(response)) return messageIds;
  const failures: unknown = 'batchItemFailures' in response ? response.batchItemFailures : null;
  if (failures === null || failures === undefined) return none;
  if (!Array.isArray(failures)) return messageIds;

  const failed = new Set<string>();
  for (const failure of failures as readonly unknown[]) {
    const id = itemIdentifier(failure);
    if (id === undefined || !messageIds.has(id)) return messageIds;
    failed.add(id);
  }
  return failed;
}

function itemIdentifier(failure: unknown): string | undefined {
  if (typeof failure !== 'object' || failure === null || !('itemIdentifier' in failure)) return undefined;
  return typeof failure.itemIdentifier === 'string' ? failure.itemIdentifier : undefined;
}
