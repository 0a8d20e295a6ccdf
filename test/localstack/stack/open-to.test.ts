import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { closeServer, listenAlsoAt, listenOnLoopback } from '#localstack/http/loopback-server.ts';
import { createFrontDoor } from '#localstack/stack/front-door.ts';
import { HostError, openTo } from '#localstack/stack/open-to.ts';

const outward = Object.values(networkInterfaces())
  .flat()
  .find((at) => at?.family === 'IPv4' && !at.internal)?.address;
const reason = outward ?? 'skipped: this machine has no address but those of the loopback';

it.each([undefined, '127.0.0.1', 'localhost', 'LOCALHOST', 'app.localhost'])(
  '%s opens nothing',
  async (host) => {
    expect(await openTo(host)).toEqual({ addresses: [], names: [] });
  },
);

it('a name that leads elsewhere is one by which a forwarded port is asked', async () => {
  expect(await openTo('Forwarded.Example.invalid')).toEqual({
    addresses: [],
    names: ['forwarded.example.invalid'],
  });
});

it('an address that is not of this machine is refused, with those that are', async () => {
  await expect(openTo('192.0.2.1')).rejects.toThrow(HostError);
  await expect(openTo('192.0.2.1')).rejects.toThrow(
    /^HOST=192\.0\.2\.1 is no address of this machine\. It has .*127\.0\.0\.1.*; HOST=0\.0\.0\.0 is all of them\.$/,
  );
});

it('no address that a URL cannot hold is among all of them', async () => {
  const { addresses, names } = await openTo('::');
  expect(addresses.filter((address) => address.startsWith('fe80:'))).toEqual([]);
  for (const name of names) expect(new URL(`http://${name}:4510`).hostname).toBe(name);
  expect((await openTo('0.0.0.0')).addresses.filter((address) => address.includes(':'))).toEqual([]);
});

it.skipIf(outward === undefined)(
  `an address of this machine is one more to listen on (${reason})`,
  async () => {
    const address = String(outward);
    expect(await openTo(address)).toEqual({ addresses: [address], names: [address] });
    expect((await openTo('0.0.0.0')).addresses).toContain(address);

    const closed = createFrontDoor({ stage: 'local' });
    const door = createFrontDoor({ stage: 'local', names: [address] });
    await using cleanup = new AsyncDisposableStack();
    for (const { server } of [closed, door]) cleanup.defer(() => closeServer(server));
    const closedPort = await listenOnLoopback(closed.server);
    await expect(fetch(`http://${address}:${closedPort}/health`)).rejects.toThrow();

    const port = await listenOnLoopback(door.server);
    cleanup.adopt(await listenAlsoAt(door.server, address, port), closeServer);
    // It is not open yet.
    expect((await fetch(`http://${address}:${port}/health`)).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(503);
    const headers = { origin: 'http://evil.example' };
    expect((await fetch(`http://${address}:${port}/health`, { headers })).status).toBe(403);
  },
);
