import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Conflict } from '../client/index.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

/**
 * Copies a profile, as a restored backup of the machine would, or an image that is installed on
 * many machines.
 */
async function copyOf(profile: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'updraft-e2e-'));
  await cp(profile, copy, { recursive: true, filter: (path) => !path.includes('Singleton') });
  return copy;
}

const takeMine = (device: Device, conflict: Conflict): Promise<void> =>
  device.resolve(
    conflict,
    conflict.fields === '*'
      ? { '*': { take: 'mine' } }
      : Object.fromEntries(conflict.fields.map(({ field }) => [field, { take: 'mine' }])),
  );

test('fault 27: a copied browser profile gets an id of its own, and a person decides', async ({
  device,
  newDevice,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana', { keep: true });
  const id = `${prefix}shared`;
  await device.put({ id, site: 'A7', status: 'ok', visits: 1, note: 'before the copy' });
  await device.settled();
  const { replicaId } = await device.status();
  // Captured before the copy: both devices hold the change, which must arrive once.
  await device.setOffline(true);
  await device.increment(id, 1);
  // A browser that closes in order ends the emulated outage first, and might still send.
  await device.crash();
  const profile = await copyOf(device.profile);

  const original = await newDevice({ profile: device.profile });
  await original.openAgain('ana');
  await original.settled();
  expect((await original.status()).replicaId).toBe(replicaId);
  expect((await store.record(id))?.fields['visits']).toBe(2);

  const copy = await newDevice({ profile });
  await copy.openAgain('ana');
  await eventually(async () => (await copy.status()).replicaId, 'an id of its own').not.toBe(
    replicaId,
  );
  await eventually(
    async () => (await copy.conflicts()).length,
    'what it held waits for a person',
  ).toBe(1);
  expect((await store.record(id))?.fields['visits'], 'not counted twice').toBe(2);

  // From here on these are two independent devices.
  await copy.patch(id, { note: 'by the copy' });
  await copy.put({ id: `${prefix}new`, site: 'B2', status: 'watch' });
  await copy.sync();
  const [conflict] = await copy.conflicts();
  expect(conflict).toMatchObject({ recordId: id, reason: 'forked' });
  if (conflict) await takeMine(copy, conflict);
  await copy.settled();
  await original.sync();
  expect((await store.record(id))?.fields).toMatchObject({ note: 'by the copy' });
  expect(await original.rows(prefix)).toEqual(await copy.rows(prefix));
});
