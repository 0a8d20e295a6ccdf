import { randomBytes, randomUUID } from 'node:crypto';
import { damaged, readPrivateFile, writePrivateFile } from '#localstack/emulators/private-file.ts';

export interface MasterKey {
  readonly keyId: string;
  readonly material: Uint8Array;
}

/** The key of `file`, or a new one, which is kept there (0600) if a file is given. Throws if the file is damaged. */
export function openMasterKey(file?: string): MasterKey {
  const kept = file === undefined ? undefined : readKey(file);
  if (kept !== undefined) return kept;
  const key = { keyId: randomUUID(), material: randomBytes(32) };
  if (file !== undefined)
    writePrivateFile(file, { keys: [{ ...key, material: key.material.toString('base64') }] });
  return key;
}

function readKey(file: string): MasterKey | undefined {
  const content = readPrivateFile(file);
  if (content === undefined) return undefined;
  const { keys } = Object(content) as { keys?: unknown };
  const { keyId, material } = Object(Array.isArray(keys) ? keys[0] : undefined) as Record<string, unknown>;
  const bytes = Buffer.from(String(material ?? ''), 'base64');
  if (typeof keyId !== 'string' || bytes.length !== 32) throw new Error(damaged(file));
  return { keyId, material: bytes };
}
