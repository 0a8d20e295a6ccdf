/** `crypto` is missing from Node 18 and React Native, and its `randomUUID` from pages that came by plain HTTP. */
export function randomId(): string {
  const bytes = new Uint8Array(16);
  // It has to differ from the user's own other ids, and to be kept from nobody.
  if (globalThis.crypto) globalThis.crypto.getRandomValues(bytes);
  else for (const index of bytes.keys()) bytes[index] = Math.random() * 256;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
