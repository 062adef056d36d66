import { RECORD_BYTES_MAX } from '../shared/limits.ts';
import type { Inspection, Task } from '../demo/src/collections.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

/** Two people’s devices that both hold the task. */
async function both(
  newDevice: () => Promise<Device>,
  task: Task,
): Promise<readonly [Device, Device]> {
  const [ana, ben] = await Promise.all([newDevice(), newDevice()]);
  await Promise.all([ana.openSignedIn('ana'), ben.openSignedIn('ben')]);
  await ana.page.evaluate((one) => client().collection('tasks').put(one), task);
  await ana.settled();
  await ben.sync();
  return [ana, ben];
}
const patch = (device: Device, id: string, set: Partial<Task>): Promise<unknown> =>
  device.page.evaluate(
    async (change) => void (await client().collection('tasks').patch(change.id, change.set)),
    { id, set },
  );

test('case A1: edits too large together stay a conflict; no sign-out wipes the edit', async ({
  newDevice,
  prefix,
}) => {
  const id = `${prefix}long`;
  const [ana, ben] = await both(newDevice, { id, site: 'A7', title: 't', done: false });
  await ana.setOffline(true);
  // Two hundred characters, of four bytes each.
  const title = '🔧'.repeat(200);
  await patch(ana, id, { title });
  const site = 'A'.repeat(RECORD_BYTES_MAX - 500);
  await patch(ben, id, { site });
  await ben.settled();
  await ana.setOffline(false);
  for (let round = 0; round < 2; round++) await ana.sync();

  expect(await ana.conflicts()).toMatchObject([
    { recordId: id, reason: 'invalid-merge', mine: { title, site }, theirs: { title: 't', site } },
  ]);
  expect(await ana.status()).toMatchObject({ unsent: 1, conflicts: 1 });
  expect((await ana.status()).quarantined).toBeUndefined();
  await ana.reload();
  const signOut = (): Promise<string> =>
    ana.page.evaluate(() =>
      client()
        .signOut()
        .then(() => 'signed out')
        .catch((error: { kind?: string }) => error.kind ?? 'unknown'),
    );
  expect(await signOut()).toBe('unsent-work');
  const [conflict] = await ana.conflicts();
  if (!conflict) throw new Error('The conflict is gone.');
  await expect(ana.resolve(conflict, { title: { take: 'mine' } })).rejects.toThrow(/bytes/);
  await ana.resolve(conflict, { title: { value: 'shorter' } });
  await ana.syncUntilSettled();
  await ben.sync();
  const row = await ben.page.evaluate((one) => client().collection('tasks').get(one), id);
  expect(row?.value).toEqual({ id, site, title: 'shorter', done: false });
});

test('case A6: an open form asks about fields that both changed, and keeps the others', async ({
  newDevice,
  prefix,
  store,
}) => {
  const id = `${prefix}form`;
  const [ana, ben] = await Promise.all([newDevice(), newDevice()]);
  await Promise.all([ana.openSignedIn('ana'), ben.openSignedIn('ben')]);
  const inspection: Inspection = { id, site: 'A7', status: 'ok', note: 'as it was' };
  await ana.put(inspection);
  await ana.settled();
  await ana.page.getByTestId(`edit-${id}`).click();
  await ana.page.getByTestId('edit-note').fill('what Ana wrote');
  await ben.sync();
  await ben.patch(id, { status: 'fail' });
  await ben.settled();
  await ana.sync();
  expect((await ana.get(id))?.value.status, 'the worker has it, the form has not').toBe('fail');

  await ana.page.getByTestId('edit-status-watch').check({ force: true });
  await ana.page.getByTestId('edit-save').click();
  await eventually(() => ana.conflicts(), 'the question').toMatchObject([
    {
      recordId: id,
      reason: 'edited',
      fields: [{ field: 'status', base: 'ok', mine: 'watch', theirs: 'fail' }],
    },
  ]);
  expect((await store.record(id))?.fields).toMatchObject({ status: 'fail' });
  const [conflict] = await ana.conflicts();
  if (!conflict) throw new Error('The conflict is gone.');
  await ana.resolve(conflict, { status: { take: 'theirs' } });
  await ana.syncUntilSettled();
  expect((await store.record(id))?.fields).toMatchObject({
    status: 'fail',
    note: 'what Ana wrote',
  });
});
