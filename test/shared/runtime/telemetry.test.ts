import { afterEach, expect, test, vi } from 'vitest';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';
import { sdkError } from '#test/support/world.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('of an error the log holds what tells it apart, and no property that could hold a row', () => {
  // The library then writes to the console that a test can listen to.
  vi.stubEnv('POWERTOOLS_DEV', 'true');
  const lines: string[] = [];
  vi.spyOn(console, 'error').mockImplementation((line) => void lines.push(String(line)));
  const error = sdkError('TransactionCanceledException', 400, {
    CancellationReasons: [{ Code: 'ValidationError', Item: { keySalt: 'SECRET' } }],
    cause: Object.assign(new Error('below'), { code: 'ECONNRESET', row: 'SECRET' }),
  });

  makeTelemetry().error('defect', error, { conversationId: 'c' });

  expect(lines.join()).toContain('TransactionCanceledException');
  expect(lines.join()).toContain('ECONNRESET');
  expect(lines.join()).toMatch(/"conversationId": ?"c"/);
  expect(lines.join()).not.toContain('SECRET');
});
