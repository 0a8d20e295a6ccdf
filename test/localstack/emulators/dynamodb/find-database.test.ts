import { access, constants } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { findDatabase } from '#localstack/emulators/dynamodb/find-database.ts';

it('finds a program for this platform', async () => {
  await access(findDatabase(), constants.X_OK);
});

it('names the ways out where there is none', () => {
  expect(() => findDatabase('freebsd', 'mips')).toThrow(
    /@dynoxide\/freebsd-mips is not installed.*npm install.*DYNAMODB_ENDPOINT=/,
  );
});
