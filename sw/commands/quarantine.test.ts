import { beforeEach, describe, expect, test } from 'vitest';
import { RECORD_BYTES_MAX } from '../../shared/limits.ts';
import type { MutationLetter } from '../../shared/row.ts';
import { plantRows } from '../testing/plant-rows.ts';
import { rowsOf } from '../simulation/raw-rows.ts';
import { TestReplica } from '../testing/test-replica.ts';
import { TestServer } from '../testing/test-server.ts';

let device: TestReplica;
let server: TestServer;
beforeEach(async () => {
  device = new TestReplica();
  server = new TestServer();
  device.transport = server.transport;
  await device.signIn();
});

/** Overwrites a part of the record's row, as a script of the page could. */
async function damage(id: string, change: (row: Record<string, unknown>) => object): Promise<void> {
  await device.open();
  const rows = (await rowsOf(device.indexedDB, 'ana', 'records')) as Record<string, unknown>[];
  const row = rows.find((one) => one['id'] === id);
  if (!row) throw new Error(`There is no row of ${id}.`);
  await plantRows(device.indexedDB, 'ana', 'records', [{ ...row, ...change(row) }]);
}
const get = (id: string): Promise<unknown> => device.ask({ type: 'get', collection: 'asks', id });
const letters = async (): Promise<MutationLetter[]> =>
  (await device.ask({ type: 'dead-letters' })) as MutationLetter[];
const retry = (
  letter: Pick<MutationLetter, 'id' | 'quarantined'>,
  edit: object = {},
): Promise<string> =>
  device.refusal({
    type: 'retry',
    requestId: device.name(),
    letter: { kind: 'mutation', collection: 'asks', ...letter },
    ...edit,
  });
/** Damage to a row's labels; its change stays readable. */
const badRevision = (): object => ({ revision: 'high' });

describe('fault 45: a damaged row loses no unsent change', () => {
  test('the change is a dead letter, unsent, in the quarantine, and reported', async () => {
    await device.put('x', { n: 1, note: 'what Ana wrote' });
    await damage('x', badRevision);
    expect(await get('x')).toBeNull();
    expect(await device.status()).toMatchObject({ unsent: 1, deadLetters: 1, quarantined: 1 });
    const [letter] = await letters();
    expect(letter).toMatchObject({
      kind: 'mutation',
      collection: 'asks',
      id: 'x',
      change: { op: 'edit', set: { n: 1, note: 'what Ana wrote' } },
      value: { id: 'x', n: 1, note: 'what Ana wrote' },
      reason: { kind: 'damaged' },
      quarantined: 1,
    });
    expect(JSON.stringify(letter?.reason)).not.toContain('what Ana wrote');
    expect(await device.ask({ type: 'quarantine' })).toMatchObject([
      {
        number: 1,
        table: 'records',
        unsent: true,
        collection: 'asks',
        id: 'x',
        row: { pending: { net: { set: { note: 'what Ana wrote' } } }, revision: 'high' },
      },
    ]);
    expect(JSON.parse(await device.ask({ type: 'export-dead-letters' }))).toMatchObject({
      deadLetters: [{ change: { set: { note: 'what Ana wrote' } } }],
    });
    await device.sync();
    expect(
      device.events.filter(({ type }) => type === 'quarantined' || type === 'dead-letter'),
    ).toMatchObject([{ count: 1 }, { deadLetter: { id: 'x' } }]);
  });

  test('sign-out refuses, and a sign-out that keeps unsent work keeps the row hidden', async () => {
    await device.put('x', { n: 1 });
    await damage('x', badRevision);
    await get('x');
    expect(await device.refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
    await device.ask({ type: 'sign-out', unsent: 'keep' });
    expect(await device.status()).toMatchObject({ unsent: 1, locked: true });
    expect([await letters(), await device.ask({ type: 'quarantine' })]).toEqual([[], []]);
    expect(await retry({ id: 'x', quarantined: 1 })).toBe('signed-out');
    expect(
      await device.refusal({ type: 'discard-quarantined', requestId: device.name(), number: 1 }),
    ).toBe('signed-out');
    await device.signIn();
    device.isOnline = true;
    await device.sync();
    expect(await letters()).toHaveLength(1);
  });

  test('a retried change arrives, and no longer counts as unsent', async () => {
    await device.put('x', { n: 1, note: 'what Ana wrote' });
    await damage('x', badRevision);
    await get('x');
    expect(await retry({ id: 'x', quarantined: 1 }, { set: { n: 2 } })).toBe('none');
    expect(await get('x')).toMatchObject({ value: { id: 'x', n: 2, note: 'what Ana wrote' } });
    expect(await device.ask({ type: 'quarantine' })).toEqual([]);
    device.isOnline = true;
    await device.sync();
    await device.sync();
    expect(await device.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
    expect(await retry({ id: 'x', quarantined: 1 }), 'once').toBe('not-found');
  });

  test('without a row number the change is found by its record', async () => {
    await device.put('x', { n: 1 });
    await damage('x', badRevision);
    await get('x');
    expect(await retry({ id: 'x' })).toBe('none');
    expect(await get('x')).toMatchObject({ value: { id: 'x', n: 1 } });
  });
});

describe('fault 45: a damaged row', () => {
  test('an incomplete change is shown and exported, and not sent', async () => {
    await device.put('x', { n: 1, note: 'what Ana wrote' });
    await damage('x', () => ({
      pending: {
        net: {
          kind: 'edit',
          set: { note: 'what Ana wrote', when: new Date(0) },
          removed: 'all',
          inc: { n: 'one' },
          elements: {
            tags: { added: ['wet'], removed: [] },
            odd: { added: [{}], removed: [] },
          },
        },
      },
    }));
    await get('x');
    expect(await letters()).toMatchObject([
      {
        change: {
          op: 'edit',
          set: { note: 'what Ana wrote' },
          removed: [],
          inc: {},
          elements: { tags: { added: ['wet'], removed: [] } },
        },
      },
    ]);
    expect(await retry({ id: 'x', quarantined: 1 })).toBe('storage');
    expect(await device.status()).toMatchObject({ unsent: 1 });
    await device.ask({ type: 'discard', requestId: device.name(), collection: 'asks', id: 'x' });
    expect(await device.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
  });

  test('an unreadable row can be looked at, exported and discarded', async () => {
    await device.put('x', { n: 1 });
    await damage('x', () => ({ pending: 7n, value: new Map([['a', 1]]) }));
    await get('x');
    expect(await device.status()).toMatchObject({ unsent: 1 });
    const [row] = await device.ask({ type: 'quarantine' });
    expect(JSON.parse(JSON.stringify(row))).toMatchObject({
      number: 1,
      unsent: true,
      row: { id: 'x', pending: '7' },
    });
    await device.ask({ type: 'discard-quarantined', requestId: device.name(), number: 1 });
    expect(await device.status()).toMatchObject({ unsent: 0 });
    expect(await device.ask({ type: 'quarantine' })).toEqual([]);
  });

  test('the next damaged row is reported, too, whatever was discarded before', async () => {
    for (const id of ['x', 'y']) {
      await device.put(id, { n: 1 });
      await damage(id, badRevision);
      await get(id);
      await device.sync();
      await device.ask({ type: 'discard', requestId: device.name(), collection: 'asks', id });
    }
    expect(device.events.filter(({ type }) => type === 'quarantined')).toHaveLength(2);
  });

  test('a row without unsent work does not count', async () => {
    device.isOnline = true;
    await device.put('x', { n: 1 });
    await device.sync();
    await damage('x', badRevision);
    await get('x');
    expect(await device.status()).toMatchObject({ unsent: 0, quarantined: 1, deadLetters: 0 });
    await device.ask({ type: 'sign-out', unsent: 'refuse' });
  });
});

test('case A1: rows that an earlier version quarantined for a long merge are dead', async () => {
  const [mine, theirs] = ['a', 'b'].map((letter) => letter.repeat(40_000)) as [string, string];
  const base = { id: 'r', title: 't', ben: theirs };
  const pending = {
    net: { kind: 'edit', set: { ana: mine }, removed: [], inc: {} },
    firstSeq: 2,
    lastSeq: 2,
  };
  const row = {
    collection: 'asks',
    id: 'r',
    base,
    revision: 2,
    value: { ...base, ana: mine },
    pending,
    generation: 1,
    ix: [],
    unsettled: 1,
  };
  await device.open();
  await (
    await device.open()
  ).world.store.write(async (tx) =>
    tx.quarantine.put({
      number: 1,
      table: 'records',
      row,
      why: 'value is not what Updraft writes',
      at: 1,
    }),
  );
  expect(await device.status()).toMatchObject({ unsent: 1, deadLetters: 1 });
  expect(await letters()).toMatchObject([
    { id: 'r', change: { set: { ana: mine } }, value: { ana: mine } },
  ]);
  expect(await device.refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
  expect(mine.length + theirs.length).toBeGreaterThan(RECORD_BYTES_MAX);
});
