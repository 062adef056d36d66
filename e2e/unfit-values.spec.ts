import type { Task } from '../demo/src/collections.ts';
import { ByHand } from './support/by-hand.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import type { Store, StoredRecord } from './support/store.ts';
import { expect, test } from './support/test.ts';
import { writeUnchecked } from './support/unchecked.ts';

/** A key that an object literal would not make. */
const NESTED_PROTO = JSON.parse('{"__proto__":{"x":1},"b":2}') as Record<string, unknown>;

const task = (id: string): Task => ({ id, site: 'A7', title: 'as it was', done: false });
const put = (device: Device, value: object): Promise<string> =>
  device.page.evaluate(async (text) => {
    try {
      await client()
        .collection('tasks')
        .put(JSON.parse(text) as never);
      return 'stored';
    } catch (error) {
      return (error as { kind?: string }).kind ?? String(error);
    }
  }, JSON.stringify(value));
const patch = (device: Device, id: string, set: Partial<Task>): Promise<void> =>
  device.page.evaluate(
    async (change) => void (await client().collection('tasks').patch(change.id, change.set)),
    { id, set },
  );
const get = (device: Device, id: string): Promise<unknown> =>
  device.page.evaluate((one) => client().collection('tasks').get(one), id);

async function stored(store: Store, id: string): Promise<StoredRecord | undefined> {
  return (
    await store.query<StoredRecord>(
      'SELECT id, revision, fields, deleted FROM updraft_records WHERE collection = ' +
        "'tasks' AND id = %s",
      [id],
    )
  )[0];
}

/**
 * Gives the record this title with a separate revision, bypassing every check: as stored by an
 * older provider, or mended by an operator.
 */
async function writePastAllChecks(store: Store, id: string, title: unknown): Promise<void> {
  const [written] = await store.query(
    `WITH next AS (UPDATE updraft_meta SET revision = revision + 1 WHERE id = 1 RETURNING revision)
     UPDATE updraft_records SET revision = next.revision,
       fields = jsonb_set(fields::jsonb, '{title}', %s::jsonb)::json,
       field_revisions = json_build_object('title', next.revision)
     FROM next WHERE collection = 'tasks' AND id = %s RETURNING updraft_records.revision`,
    [JSON.stringify(title), id],
  );
  expect(written, 'the record is there').toBeDefined();
}

test('case A2: a record with a nested `__proto__` is kept out alone until mended', async ({
  newDevice,
  airflow,
  store,
  prefix,
}) => {
  const [bad, good, late] = [`${prefix}bad`, `${prefix}good`, `${prefix}late`];
  const [ana, ben] = await Promise.all([newDevice(), newDevice()]);
  await Promise.all([ana.openSignedIn('ana'), ben.openSignedIn('ben')]);
  for (const id of [bad, good]) expect(await put(ana, task(id))).toBe('stored');
  await ana.settled();
  await ben.sync();
  await ana.setOffline(true);
  await patch(ana, bad, { done: true });
  await writePastAllChecks(store, bad, NESTED_PROTO);
  expect(JSON.stringify((await stored(store, bad))?.fields)).toContain('__proto__');
  await put(ben, task(late));
  await ben.settled();
  await ana.setOffline(false);
  await ana.sync();
  await ben.sync();

  // Kept out alone: all other records are there, this record in the last good state, the edit kept.
  for (const device of [ana, ben]) {
    expect(await device.status()).toMatchObject({ keptOut: 1, ready: true });
    expect((await device.status()).quarantined).toBeUndefined();
    for (const id of [good, late])
      expect(await get(device, id)).toMatchObject({
        state: 'synced',
        value: { title: 'as it was' },
      });
  }
  expect(await get(ben, bad)).toMatchObject({ value: task(bad) });
  expect(await get(ana, bad)).toMatchObject({ value: { ...task(bad), done: true } });
  expect(await ana.status()).toMatchObject({ unsent: 1 });

  // The exchange goes on, both ways.
  await patch(ana, good, { title: 'goes on' });
  await eventually(async () => (await stored(store, good))?.fields, 'the next edit').toMatchObject({
    title: 'goes on',
  });
  await ben.sync();
  expect(await get(ben, good)).toMatchObject({ value: { title: 'goes on' } });

  // The mended record is accepted, and the edit can go.
  await writePastAllChecks(store, bad, 'mended');
  for (const device of [ana, ben]) {
    await device.sync();
    expect((await device.status()).keptOut).toBeUndefined();
    expect(await get(device, bad)).toMatchObject({ value: { title: 'mended' } });
  }
  await ana.page.evaluate(
    (id) => client().retry({ kind: 'mutation', collection: 'tasks', id }),
    bad,
  );
  await ana.syncUntilSettled();
  expect(await stored(store, bad)).toMatchObject({ fields: { title: 'mended', done: true } });

  // Neither a capture nor another client’s exchange can bring such a key any more.
  expect(await put(ana, { ...task(`${prefix}new`), title: NESTED_PROTO })).toBe('not-json');
  const other = new ByHand(airflow, 'ana', `${prefix}hand`);
  const refused = await other.send({
    op: 'create',
    id: `${prefix}new`,
    baseRevision: 0,
    set: { site: 'A7', title: NESTED_PROTO, done: false },
  });
  expect(refused).toMatchObject({
    verdict: 'rejected',
    reason: { kind: 'malformed', message: expect.stringContaining('__proto__') },
  });
  expect(await stored(store, `${prefix}new`)).toBeUndefined();
});

test('case A4: an unnamed form field is refused, and the record stays', async ({
  device,
  airflow,
  store,
  prefix,
}) => {
  const [dropped, mended] = [`${prefix}dropped`, `${prefix}mended`];
  await device.openSignedIn('ana');
  for (const id of [dropped, mended]) await put(device, task(id));
  await device.settled();
  const before = await stored(store, dropped);
  expect(await put(device, { ...task(dropped), '': 'an unnamed form input' })).toBe('not-json');

  // From another client: the verdict carries the record's state.
  const sent = { op: 'patch', id: dropped, baseRevision: before?.revision ?? 0, set: { '': 1 } };
  expect(await new ByHand(airflow, 'ana', `${prefix}hand`).send(sent)).toMatchObject({
    verdict: 'rejected',
    reason: { kind: 'malformed' },
    revision: before?.revision,
    record: task(dropped),
  });

  // Captured by an older worker, sent by today’s.
  await device.captureAsOneBatch(async () => {
    for (const id of [dropped, mended]) {
      await patch(device, id, { done: true });
      await writeUnchecked(
        device.page,
        { collection: 'tasks', id, user: 'ana' },
        { '': 'an unnamed form input' },
      );
    }
  });
  await device.sync();
  const letters = await device.deadLetters();
  expect(letters.map(({ kind, reason }) => [kind, reason.kind])).toEqual([
    ['mutation', 'malformed'],
    ['mutation', 'malformed'],
  ]);
  expect(await device.conflicts()).toEqual([]);
  for (const id of [dropped, mended])
    expect(await get(device, id)).toMatchObject({ revision: (await stored(store, id))?.revision });

  await device.page.evaluate((id) => client().discard('tasks', id), dropped);
  await device.page.evaluate(
    (id) => client().retry({ kind: 'mutation', collection: 'tasks', id }, { '': undefined }),
    mended,
  );
  await device.syncUntilSettled();
  await device.sync();
  expect(await device.conflicts()).toEqual([]);
  expect(await get(device, dropped)).toMatchObject({
    state: 'synced',
    revision: before?.revision,
    value: task(dropped),
  });
  expect(await stored(store, dropped)).toEqual(before);
  expect(await stored(store, mended)).toMatchObject({ fields: { title: 'as it was', done: true } });
});
