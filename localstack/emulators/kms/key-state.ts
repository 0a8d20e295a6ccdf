import { findKey, type Input } from '#localstack/emulators/kms/input.ts';
import type { KeyStore } from '#localstack/emulators/kms/key-store.ts';

export function enableKey(store: KeyStore, input: Input): object {
  store.setEnabled(findKey(store, input).keyId, true);
  return {};
}

export function disableKey(store: KeyStore, input: Input): object {
  store.setEnabled(findKey(store, input).keyId, false);
  return {};
}
