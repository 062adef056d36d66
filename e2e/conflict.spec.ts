import type { Conflict } from '../client/index.ts';
import type { Inspection } from '../demo/src/collections.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import type { Store } from './support/store.ts';
import { expect, test } from './support/test.ts';

const record = (id: string): Inspection => ({
  id,
  site: 'A7',
  status: 'ok',
  reading: 1,
  note: 'as it was',
});

/** Two people's devices that both hold these records, both without a network. */
async function bothOffline(
  newDevice: () => Promise<Device>,
  records: readonly Inspection[],
): Promise<{ ana: Device; ben: Device }> {
  const [ana, ben] = await Promise.all([newDevice(), newDevice()]);
  await Promise.all([ana.openSignedIn('ana'), ben.open().then(() => ben.signIn('ben'))]);
  await ana.page.evaluate(
    (all) => Promise.all(all.map((one) => client().collection('inspections').put(one))),
    records,
  );
  await ana.settled();
  const last = records.at(-1)?.id ?? '';
  await eventually(
    async () => (await ben.sync()).ready && (await ben.get(last))?.state,
    'the records on the other device',
  ).toBe('synced');
  await Promise.all([ana.setOffline(true), ben.setOffline(true)]);
  return { ana, ben };
}

/** Sends Ana’s changes to Airflow first, so that Ben’s device is the later. */
async function connectOneAfterTheOther(ana: Device, ben: Device): Promise<void> {
  await ana.setOffline(false);
  await ana.syncUntilSettled();
  await ben.setOffline(false);
  await ben.sync();
}

/** Expects equal records on both devices and the server. */
async function expectEqual(
  store: Store,
  devices: readonly Device[],
  id: string,
  value: Inspection | null,
): Promise<void> {
  for (const device of devices) {
    expect(
      await device.get(id).then((row) => row && { value: row.value, state: row.state }),
    ).toEqual(value && { value, state: 'synced' });
  }
  const stored = await store.record(id);
  expect(stored?.deleted ? null : { id, ...stored?.fields }).toEqual(value);
}

test('fault 37: two offline edits of a field: the later person decides, all end equal', async ({
  newDevice,
  store,
  prefix,
}) => {
  const id = `${prefix}edited`;
  const { ana, ben } = await bothOffline(newDevice, [record(id)]);
  await ana.patch(id, { status: 'fail', reading: 7 });
  await ben.patch(id, { status: 'watch', note: 'only Ben wrote this' });
  await connectOneAfterTheOther(ana, ben);

  const [told] = await ben.toldOf<Conflict>('conflict', 1);
  expect(told).toMatchObject({
    recordId: id,
    reason: 'edited',
    fields: [{ field: 'status', base: 'ok', mine: 'watch', theirs: 'fail' }],
    base: { status: 'ok' },
    mine: { status: 'watch', note: 'only Ben wrote this', reading: 7 },
    theirs: { status: 'fail', reading: 7 },
  });
  expect(await ana.told('conflict')).toEqual([]);
  expect((await store.record(id))?.fields, 'what only one changed is merged').toMatchObject({
    status: 'fail',
    note: 'only Ben wrote this',
    reading: 7,
  });

  // Ben decides on the screen.
  const panel = ben.page.getByTestId(`conflict-${id}`);
  await expect(panel).toHaveAttribute('data-reason', 'edited');
  await panel.getByTestId('take-mine-status').check();
  await panel.getByTestId('resolve').click();
  await expect(panel).toHaveCount(0);
  await ben.settled();
  await ana.sync();
  await expectEqual(store, [ana, ben], id, {
    id,
    site: 'A7',
    status: 'watch',
    reading: 7,
    note: 'only Ben wrote this',
  });
  expect(await ben.told('conflict'), 'told once').toHaveLength(1);
  expect(await ana.conflicts()).toEqual([]);
});

test('fault 37: deletion against edit, both ways: the later person decides, all end equal', async ({
  newDevice,
  store,
  prefix,
}) => {
  const ids = {
    deletedThere: `${prefix}1-deleted-there`,
    deletedHere: `${prefix}2-deleted-here`,
    letGo: `${prefix}3-let-go`,
  };
  const { ana, ben } = await bothOffline(newDevice, Object.values(ids).map(record));
  await ana.delete(ids.deletedThere);
  await ben.patch(ids.deletedThere, { note: 'still needed' });
  await ana.patch(ids.deletedHere, { note: 'still needed' });
  await ben.delete(ids.deletedHere);
  await ana.delete(ids.letGo);
  await ben.patch(ids.letGo, { note: 'not so important' });
  await connectOneAfterTheOther(ana, ben);

  const told = await ben.toldOf<Conflict>('conflict', 3);
  const of = (recordId: string): Conflict =>
    told.find((conflict) => conflict.recordId === recordId) as Conflict;
  expect(of(ids.deletedThere)).toMatchObject({
    reason: 'deleted-there',
    fields: '*',
    base: { note: 'as it was' },
    mine: { note: 'still needed' },
    theirs: null,
  });
  expect(of(ids.deletedHere)).toMatchObject({
    reason: 'deleted-here',
    fields: '*',
    base: { note: 'as it was' },
    mine: null,
    theirs: { note: 'still needed' },
  });
  expect((await store.record(ids.deletedThere))?.deleted).toBe(true);
  expect((await store.record(ids.deletedHere))?.deleted).toBe(false);

  await ben.resolve(of(ids.deletedThere), { '*': { take: 'mine' } });
  await ben.resolve(of(ids.deletedHere), { '*': { take: 'mine' } });
  await ben.resolve(of(ids.letGo), { '*': { take: 'theirs' } });
  await ben.syncUntilSettled();
  await ana.sync();
  await expectEqual(store, [ana, ben], ids.deletedThere, {
    ...record(ids.deletedThere),
    note: 'still needed',
  });
  await expectEqual(store, [ana, ben], ids.deletedHere, null);
  await expectEqual(store, [ana, ben], ids.letGo, null);
});
