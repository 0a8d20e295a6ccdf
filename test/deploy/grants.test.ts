import { readFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { connectionProbes } from './grants/connection-probes.ts';
import { deliverProbes } from './grants/deliver-probes.ts';
import { deployedGrants, deployedResources, without } from './grants/grants.ts';
import { makeProbeWorld } from './grants/probe-world.ts';
import { reconnectProbes } from './grants/reconnect-probes.ts';
import { sendProbes } from './grants/send-probes.ts';
import { syncProbes } from './grants/sync-probes.ts';

/**
 * Least privilege, grant by grant: each one that was deployed is taken from its function's role, which the exchange
 * that needs it must notice, and given back. What nothing notices stands in `unenforced.json`, with its reason, or fails.
 */
const resources = await deployedResources('Postrider');
const grants = await deployedGrants(resources);
const world = makeProbeWorld(
  process.env.POSTRIDER_URL ?? '',
  process.env.POSTRIDER_TOKEN_URL ?? '',
  resources,
);
const probes = {
  ...connectionProbes(world),
  ...sendProbes(world),
  ...reconnectProbes(world),
  ...syncProbes(world),
  ...deliverProbes(world),
};
const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const list = JSON.parse(read('./grants/unenforced.json')) as { reason: string; grants: string[] }[];
const unenforced = list.flatMap((entry) => entry.grants);

afterEach(() => world.closeAll());
afterAll(() => world.closeExpired());

describe('each grant is missed', () => {
  test.each(grants.filter(({ line }) => !unenforced.includes(line)))('$line', async (grant) => {
    const probe = probes[grant.line];
    if (probe === undefined) {
      throw new Error(
        `Nothing needs it. Write a probe, take it from infra/function-needs.ts, or name it in unenforced.json and say why.`,
      );
    }
    expect(await probe.exchange(), 'with it').toBe(probe.granted);
    expect(await without(grant, resources, probe.exchange), 'without it').toBe(probe.denied);
    expect(await probe.exchange(), 'with it again').toBe(probe.granted);
  });
});

describe('the lists', () => {
  const deployed = grants.map(({ line }) => line);

  test('every reason is given, and no grant is listed twice', () => {
    for (const { reason } of list) expect(reason.length).toBeGreaterThan(20);
    expect(new Set(unenforced).size).toBe(unenforced.length);
  });

  test('what is deployed, with what the emulator cannot deploy, is what the snapshot names', () => {
    const ofTheCache = unenforced.filter((line) => line.includes(' elasticache:'));
    expect([...deployed, ...ofTheCache].sort()).toEqual(snapshotLines().sort());
  });

  test('nothing is listed or probed that is not granted, nor both', () => {
    const granted = snapshotLines();
    const named = [...unenforced, ...Object.keys(probes)];
    expect(named.filter((line) => !granted.includes(line))).toEqual([]);
    expect(new Set(named).size).toBe(named.length);
  });
});

/** Without their conditions, which MiniStack does not know. */
function snapshotLines(): string[] {
  const blocks = read('../infra/permissions.snapshot.txt').trim().split('\n\n');
  return blocks.flatMap((block) => {
    const [heading, ...permissions] = block.split('\n');
    return permissions.map((permission) => `${heading} ${permission.trim().replace(/ if .*/, '')}`);
  });
}
