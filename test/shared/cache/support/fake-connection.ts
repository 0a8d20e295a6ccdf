import { vi } from 'vitest';
import type { ValkeyConnection } from '#shared/cache/valkey-connection.ts';

export interface FakeConnection extends ValkeyConnection {
  /** As when the server ends it. */
  end(): void;
}

/** Answers everything with nothing. */
export function makeFakeConnection(): FakeConnection {
  let open = true;
  const end = () => {
    open = false;
  };
  return {
    isOpen: () => open,
    pipeline: async () => [],
    transaction: async () => [],
    close: vi.fn(end),
    end,
  };
}
