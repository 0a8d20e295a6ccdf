import { randomBytes, randomUUID } from 'node:crypto';
import { damaged, readPrivateFile, writePrivateFile } from '#localstack/emulators/private-file.ts';

export interface MasterKey {
  readonly keyId: string;
  readonly material: Uint8Array;
  readonly description: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly enabled: boolean;
}

export interface KeyStore {
  all(): readonly MasterKey[];
  find(keyId: string): MasterKey | undefined;
  create(description: string): MasterKey;
  setEnabled(keyId: string, enabled: boolean): void;
}

/** Master keys, in memory, and in `file` (0600) as well if one is given. Throws if that file is damaged. */
export function makeKeyStore(file?: string): KeyStore {
  const keys = new Map<string, MasterKey>();
  for (const key of file === undefined ? [] : readKeys(file)) keys.set(key.keyId, key);

  const keep = (key: MasterKey) => {
    keys.set(key.keyId, key);
    if (file !== undefined) writePrivateFile(file, { keys: [...keys.values()].map(toRecord) });
  };

  return {
    all: () => [...keys.values()],
    find: (keyId) => keys.get(keyId),
    create(description) {
      const key: MasterKey = {
        keyId: randomUUID(),
        material: randomBytes(32),
        description,
        createdAt: Date.now(),
        enabled: true,
      };
      keep(key);
      return key;
    },
    setEnabled(keyId, enabled) {
      const key = keys.get(keyId);
      if (key !== undefined) keep({ ...key, enabled });
    },
  };
}

function toRecord(key: MasterKey) {
  return { ...key, material: Buffer.from(key.material).toString('base64') };
}

function readKeys(file: string): MasterKey[] {
  const content = readPrivateFile(file);
  if (content === undefined) return [];
  const keys = (content as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error(damaged(file));
  return keys.map((record) => fromRecord(record, file));
}

function fromRecord(record: ReturnType<typeof toRecord>, file: string): MasterKey {
  const material = Buffer.from(String(record?.material ?? ''), 'base64');
  if (typeof record?.keyId !== 'string' || material.length !== 32) throw new Error(damaged(file));
  return { ...record, material };
}
