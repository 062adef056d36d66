import { afterAll, describe, expect, test } from 'vitest';
import type { Conflict, Resolution } from '../../shared/conflict.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Doc } from '../../shared/json.ts';
import { RECORD_BYTES_MAX } from '../../shared/limits.ts';
import type { ChangeCommand, UpdraftEvent } from '../../shared/messages.ts';
import type { DeadLetter, Row } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import type { SimulatedDevice } from './device.ts';
import { simulate, storeRecords } from './setup.ts';
import { StoreServer, type SimulatedStore } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());

/** Two devices of a single person, both with the record `x`. */
interface Both {
  readonly store: SimulatedStore;
  readonly mine: SimulatedDevice;
  readonly theirs: SimulatedDevice;
}

async function both(collection: string, record: object): Promise<Both> {
  const { store, devices } = await simulate(server, 2);
  await store.change({ put: { collection, record: { id: 'x', ...record } } });
  for (const { device } of devices) await device.drain();
  const [mine, theirs] = devices.map(({ device }) => device);
  if (!mine || !theirs) throw new Error('two devices were asked for');
  return { store, mine, theirs };
}

const patch = (set: object, removed: string[] = []): ChangeCommand => ({
  op: 'patch',
  id: 'x',
  set,
  removed,
});
const increment = (n: number): ChangeCommand => ({ op: 'increment', id: 'x', by: { n } });
const remove: ChangeCommand = { op: 'delete', id: 'x' };
const status = async (device: SimulatedDevice): Promise<Status> =>
  (await device.ask({ type: 'status' })) as Status;
const letters = async (device: SimulatedDevice): Promise<DeadLetter[]> =>
  (await device.ask({ type: 'dead-letters' })) as DeadLetter[];
const row = async (device: SimulatedDevice, collection: string): Promise<Row | null> =>
  (await device.ask({ type: 'get', collection, id: 'x' })) as Row | null;
const told = <T extends UpdraftEvent['type']>(
  device: SimulatedDevice,
  type: T,
): Extract<UpdraftEvent, { type: T }>[] =>
  device.events.filter(
    (event): event is Extract<UpdraftEvent, { type: T }> & { cursor: number } =>
      event.type === type,
  );
const words = (device: SimulatedDevice): string[] =>
  told(device, 'settled').map(({ settled }) => settled.verdict);

async function only(device: SimulatedDevice): Promise<Conflict> {
  const conflicts = await device.conflicts();
  expect(conflicts).toHaveLength(1);
  return conflicts[0] as Conflict;
}
let asked = 0;
const decide = (
  { id, theirsRevision }: Conflict,
  choices: Resolution,
  device: SimulatedDevice,
): Promise<string> =>
  device
    .ask({
      type: 'resolve',
      requestId: `decided ${++asked}`,
      conflictId: id,
      theirsRevision,
      choices,
    })
    .then(
      () => 'none',
      (error: unknown) => (error instanceof UpdraftError ? error.kind : String(error)),
    );
const signOut = (device: SimulatedDevice): Promise<unknown> =>
  device
    .ask({ type: 'sign-out', unsent: 'refuse' })
    .catch((error: unknown) => (error as UpdraftError).kind);

const [long, longToo] = ['a', 'b'].map((letter) => letter.repeat(40_000)) as [string, string];

describe('case A1: two edits that fit alone exceed the limit together', () => {
  async function tooMuch(collection = 'asks'): Promise<Both> {
    const here = await both(collection, { a: 't' });
    await here.mine.capture(collection, patch({ a: long }));
    await here.theirs.capture(collection, patch({ b: longToo }));
    await here.theirs.drain();
    return here;
  }

  test.each(['asks', 'clients', 'servers'])(
    'the unsent edit stays unsent, as a lasting conflict (%s)',
    async (collection) => {
      const { mine, store } = await tooMuch(collection);
      for (let round = 0; round < 3; round++) await mine.drain();
      expect(await only(mine)).toMatchObject({
        reason: 'invalid-merge',
        mine: { id: 'x', a: long },
        theirs: { id: 'x', a: 't', b: longToo },
        fields: [{ field: 'a', base: 't', mine: long, theirs: 't' }],
      });
      expect(await status(mine)).toMatchObject({ unsent: 1, conflicts: 1 });
      expect(await status(mine)).not.toHaveProperty('quarantined');
      expect(await signOut(mine)).toBe('unsent-work');
      mine.stop();
      expect(await row(mine, collection)).toMatchObject({
        state: 'conflict',
        value: { a: long, b: longToo },
      });
      expect(await storeRecords(store, collection)).toEqual({ x: { id: 'x', a: 't', b: longToo } });
    },
  );

  test('a choice too large again is refused; a shorter value or theirs is not', async () => {
    for (const choice of [{ value: 'short' }, { take: 'theirs' as const }]) {
      const { mine, store } = await tooMuch();
      await mine.drain();
      const conflict = await only(mine);
      expect(await decide(conflict, { a: { take: 'mine' } }, mine)).toBe('too-large');
      expect(
        await decide(conflict, { a: { value: 'c'.repeat(RECORD_BYTES_MAX - 100) } }, mine),
      ).toBe('too-large');
      expect(await status(mine), 'nothing was given up').toMatchObject({ unsent: 1, conflicts: 1 });
      expect(await decide(conflict, { a: choice }, mine)).toBe('none');
      await mine.drain();
      expect(await status(mine)).toMatchObject({ unsent: 0, conflicts: 0 });
      expect(await storeRecords(store, 'asks')).toEqual({
        x: { id: 'x', a: 'value' in choice ? 'short' : 't', b: longToo },
      });
    }
  });

  test('mine fits once the other side has made room', async () => {
    const { mine, theirs, store } = await tooMuch();
    await mine.drain();
    await theirs.capture('asks', patch({ b: 'short' }));
    await theirs.drain();
    await mine.drain();
    expect(await decide(await only(mine), { a: { take: 'mine' } }, mine)).toBe('none');
    await mine.drain();
    expect(await storeRecords(store, 'asks')).toEqual({ x: { id: 'x', a: long, b: 'short' } });
  });

  test('bytes count, not characters', async () => {
    const { mine, theirs } = await both('asks', { a: 't' });
    await mine.capture('asks', patch({ a: 'ä'.repeat(20_000) }));
    await theirs.capture('asks', patch({ b: 'ö'.repeat(20_000) }));
    await theirs.drain();
    await mine.drain();
    expect((await only(mine)).reason).toBe('invalid-merge');
  });

  test('an edit that came by a pull, while another batch was in flight, too', async () => {
    const { mine, theirs } = await tooMuch();
    const record = (
      await (await mine.worker()).world.store.read((tx) => tx.recordsOf([['asks', 'x']], 0))
    )[0];
    expect(record?.pending).toBeDefined();
    await theirs.capture('asks', { op: 'put', value: { id: 'z', a: 1 } });
    await theirs.drain();
    mine.online = false;
    await mine.drain('news');
    mine.online = true;
    await mine.drain();
    expect((await only(mine)).reason).toBe('invalid-merge');
  });
});

describe('case A3: two increments whose sum is no number', () => {
  test('the refused sum waits for a person, with the note', async () => {
    const { mine, store } = await both('asks', { n: 1, a: 'n' });
    await mine.capture('asks', increment(1e308));
    await mine.capture('asks', patch({ a: 'what the person wrote' }));
    await store.change({ put: { collection: 'asks', record: { id: 'x', n: 1e308, a: 'n' } } });
    for (let round = 0; round < 3; round++) await mine.drain();
    const conflict = await only(mine);
    expect(conflict).toMatchObject({
      reason: 'invalid-merge',
      fields: [{ field: 'n', base: 1, mine: 1 + 1e308, theirs: 1e308 }],
    });
    expect(await row(mine, 'asks')).toMatchObject({
      value: { id: 'x', n: 1e308, a: 'what the person wrote' },
      state: 'conflict',
    });
    expect(await status(mine)).toMatchObject({ unsent: 1, conflicts: 1 });
    expect(await decide(conflict, { n: { take: 'mine' } }, mine)).toBe('too-large');
    expect(await decide(conflict, { n: { take: 'theirs' } }, mine)).toBe('none');
    await mine.drain();
    expect(await storeRecords(store, 'asks')).toEqual({
      x: { id: 'x', n: 1e308, a: 'what the person wrote' },
    });
  });

  test('increments too large when sent together are refused at once', async () => {
    const { mine } = await both('asks', { n: -1.5e308 });
    expect(await mine.capture('asks', increment(1.5e308))).not.toBeInstanceOf(Error);
    expect(await mine.capture('asks', increment(1.5e308))).toMatchObject({ kind: 'not-json' });
    await mine.drain();
    expect(await status(mine)).toMatchObject({ unsent: 0 });
    expect(await row(mine, 'asks')).toMatchObject({ value: { n: 0 }, state: 'synced' });
  });
});

describe('case A5: an edit stays an edit until it is sealed', () => {
  const edits: readonly [string, readonly ChangeCommand[], Doc][] = [
    ['a removed field is removed', [patch({}, ['b'])], { id: 'x', a: 'theirs', n: 12 }],
    ['an increment is added', [increment(5)], { id: 'x', a: 'theirs', b: 'b', n: 17 }],
    [
      'several edits',
      [increment(5), patch({}, ['b']), increment(1)],
      { id: 'x', a: 'theirs', n: 18 },
    ],
    [
      'a field set, the others as they have them',
      [patch({ b: 'mine' })],
      { id: 'x', a: 'theirs', b: 'mine', n: 12 },
    ],
  ];
  describe.each(['asks', 'clients'])('%s', (collection) => {
    test.each(edits)(
      'deleted and brought back before it is decided or sent: %s',
      async (_name, changes, expected) => {
        const { store, mine, theirs } = await both(collection, { a: 'a', b: 'b', n: 10 });
        for (const change of changes) await mine.capture(collection, change);
        await theirs.capture(collection, remove);
        await theirs.drain();
        if (collection === 'asks') {
          await mine.drain();
          expect(await only(mine)).toMatchObject({
            reason: 'deleted-there',
            mine: { id: 'x', a: 'a' },
            theirs: null,
          });
        }
        await theirs.capture(collection, {
          op: 'put',
          value: { id: 'x', a: 'theirs', b: 'b', n: 12 },
        });
        await theirs.drain();
        await mine.drain();
        for (const conflict of await mine.conflicts())
          await mine.resolve(conflict, { take: 'mine' });
        await mine.drain();
        await mine.drain();
        expect(await storeRecords(store, collection)).toEqual({ x: expected });
        expect(await row(mine, collection)).toMatchObject({ state: 'synced', value: expected });
      },
    );
  });
});

describe('case A5: an edit of a record that was deleted', () => {
  test('fields that both changed are in conflict, field by field', async () => {
    const { mine, theirs, store } = await both('asks', { a: 'a', b: 'b', n: 10 });
    await mine.capture('asks', patch({ a: 'mine', b: 'mine' }));
    await theirs.capture('asks', remove);
    await theirs.drain();
    await mine.drain();
    await theirs.capture('asks', { op: 'put', value: { id: 'x', a: 'theirs', b: 'b' } });
    await theirs.drain();
    await mine.drain();
    const conflict = await only(mine);
    expect(conflict).toMatchObject({
      reason: 'edited',
      fields: [{ field: 'a', base: 'a', mine: 'mine', theirs: 'theirs' }],
    });
    expect(await decide(conflict, { a: { take: 'theirs' } }, mine)).toBe('none');
    await mine.drain();
    expect(await storeRecords(store, 'asks')).toEqual({ x: { id: 'x', a: 'theirs', b: 'mine' } });
  });

  test.each(['mine', 'theirs'] as const)('not brought back: %s', async (take) => {
    const { mine, theirs, store } = await both('asks', { a: 'a', b: 'b', n: 10 });
    for (const change of [increment(5), patch({}, ['b'])]) await mine.capture('asks', change);
    await theirs.capture('asks', remove);
    await theirs.drain();
    await mine.drain();
    await mine.capture('asks', patch({ a: 'later' }));
    expect(await row(mine, 'asks')).toMatchObject({
      state: 'conflict',
      value: { id: 'x', a: 'later', n: 15 },
    });
    await mine.resolve(await only(mine), { take });
    await mine.drain();
    expect(await storeRecords(store, 'asks')).toEqual(
      take === 'mine' ? { x: { id: 'x', a: 'later', n: 15 } } : {},
    );
    expect(await status(mine)).toMatchObject({ unsent: 0 });
  });

  test('brought back while the create was in flight: untouched fields stay theirs', async () => {
    const { mine, theirs, store } = await both('asks', { a: 'a', b: 'b', n: 10 });
    for (const change of [increment(5), patch({}, ['b'])]) await mine.capture('asks', change);
    await theirs.capture('asks', remove);
    await theirs.drain();
    await mine.drain();
    await mine.resolve(await only(mine), { take: 'mine' });
    await theirs.capture('asks', { op: 'put', value: { id: 'x', a: 'theirs', b: 'b', n: 12 } });
    await theirs.drain();
    for (let round = 0; round < 3; round++) await mine.drain();
    expect(await mine.conflicts()).toEqual([]);
    expect(await storeRecords(store, 'asks')).toEqual({ x: { id: 'x', a: 'theirs', n: 17 } });
  });

  test('a lost database changes nothing', async () => {
    const { mine, theirs, store } = await both('asks', { a: 'a', b: 'b', n: 10 });
    await mine.capture('asks', increment(5));
    await theirs.capture('asks', remove);
    await theirs.drain();
    await mine.drain();
    await (await mine.worker()).mirror.flush();
    mine.loseDatabase();
    expect(await only(mine)).toMatchObject({
      reason: 'deleted-there',
      mine: { id: 'x', a: 'a', b: 'b', n: 15 },
    });
    await theirs.capture('asks', { op: 'put', value: { id: 'x', n: 12 } });
    await theirs.drain();
    await mine.drain();
    await mine.drain();
    expect(await storeRecords(store, 'asks')).toEqual({ x: { id: 'x', n: 17 } });
  });
});

describe('the end in the right word', () => {
  test('case A7: client-wins, my edit meets a deletion: applied, and nothing before', async () => {
    const { mine, theirs, store } = await both('clients', { a: 'a', b: 'b' });
    await mine.capture('clients', patch({ a: 'mine' }));
    await theirs.capture('clients', remove);
    await theirs.drain();
    for (let round = 0; round < 3; round++) await mine.drain();
    expect(words(mine)).toEqual(['applied']);
    expect(await storeRecords(store, 'clients')).toEqual({ x: { id: 'x', a: 'mine', b: 'b' } });
  });

  test.each<[string, ChangeCommand, ChangeCommand, readonly string[] | '*']>([
    ['an increment meets a deletion', increment(5), remove, ['n']],
    ['an edit meets a deletion', patch({ a: 'mine' }), remove, ['a']],
    ['a deletion meets an edit', remove, patch({ a: 'theirs' }), '*'],
  ])(
    'case A8: server-wins, %s: the lost change is told',
    async (_name, change, theirChange, fields) => {
      const { mine, theirs } = await both('servers', { a: 'a', n: 1 });
      await mine.capture('servers', change);
      await theirs.capture('servers', theirChange);
      await theirs.drain();
      for (let round = 0; round < 3; round++) await mine.drain();
      expect(told(mine, 'dropped').map(({ dropped }) => dropped)).toEqual([
        { collection: 'servers', id: 'x', fields },
      ]);
      expect(words(mine)).toEqual(['merged']);
      expect([await mine.conflicts(), await letters(mine)]).toEqual([[], []]);
      expect(await status(mine)).toMatchObject({ unsent: 0 });
    },
  );

  test.each<[string, ChangeCommand, ChangeCommand, readonly string[] | '*']>([
    ['an increment', increment(5), remove, ['n']],
    ['a deletion', remove, patch({ a: 'theirs' }), '*'],
  ])(
    'case A8: server-wins, %s that loses before sending',
    async (_name, change, theirChange, fields) => {
      const { mine, theirs } = await both('servers', { a: 'a', n: 1 });
      mine.online = false;
      await mine.capture('servers', change);
      await theirs.capture('servers', theirChange);
      await theirs.drain();
      await mine.drain();
      expect(told(mine, 'dropped').map(({ dropped }) => dropped)).toEqual([
        { collection: 'servers', id: 'x', fields },
      ]);
      expect(words(mine)).toEqual(['merged']);
    },
  );
});

const form = { id: 'x', a: 'ok', b: 'note', n: 1 };
async function opened(collection: string): Promise<Both> {
  const here = await both(collection, form);
  await here.theirs.capture(collection, patch({ a: 'fail' }));
  await here.theirs.drain();
  await here.mine.drain();
  return here;
}

describe('case A6: a form that was opened before another’s change', () => {
  test('ask: a field that differs from the seen value conflicts; others stay theirs', async () => {
    const saved: readonly ChangeCommand[] = [
      { op: 'put', value: { ...form, a: 'watch', b: 'my note' }, from: form },
      { op: 'patch', id: 'x', set: { a: 'watch', b: 'my note' }, removed: [], from: form },
    ];
    for (const change of saved) {
      const { mine, store } = await opened('asks');
      await mine.capture('asks', change);
      const conflict = await only(mine);
      expect(conflict).toMatchObject({
        reason: 'edited',
        fields: [{ field: 'a', base: 'ok', mine: 'watch', theirs: 'fail' }],
      });
      await mine.drain();
      expect(await storeRecords(store, 'asks')).toMatchObject({ x: { a: 'fail', b: 'note' } });
      expect(await decide(conflict, { a: { take: 'theirs' } }, mine)).toBe('none');
      await mine.drain();
      expect(await storeRecords(store, 'asks')).toEqual({
        x: { ...form, a: 'fail', b: 'my note' },
      });
    }
  });

  test.each(['asks', 'clients', 'servers'])(
    'a note alone is applied, and their field stays (%s)',
    async (collection) => {
      const { mine, store } = await opened(collection);
      await mine.capture(collection, { op: 'put', value: { ...form, b: 'my note' }, from: form });
      await mine.drain();
      expect(await storeRecords(store, collection)).toEqual({
        x: { ...form, a: 'fail', b: 'my note' },
      });
      expect(words(mine)).toEqual(['applied']);
    },
  );

  test('client-wins: mine; server-wins: theirs, and the lost change is told', async () => {
    for (const [collection, a] of [
      ['clients', 'watch'],
      ['servers', 'fail'],
    ] as const) {
      const { mine, store } = await opened(collection);
      await mine.capture(collection, {
        op: 'put',
        value: { ...form, a: 'watch', b: 'my note' },
        from: form,
      });
      await mine.drain();
      expect(await storeRecords(store, collection)).toEqual({ x: { ...form, a, b: 'my note' } });
      expect(told(mine, 'dropped').map(({ dropped }) => dropped.fields)).toEqual(
        collection === 'servers' ? [['a']] : [],
      );
    }
  });

  test('a form saved twice removes nothing that came in between, and asks nothing', async () => {
    const { mine, store } = await both('asks', form);
    await mine.capture('asks', { op: 'put', value: { ...form, b: 'first' }, from: form });
    await mine.drain();
    await store.change({ put: { collection: 'asks', record: { ...form, b: 'first', n: 99 } } });
    await mine.drain();
    await mine.capture('asks', { op: 'put', value: { ...form, b: 'first' }, from: form });
    await mine.drain();
    expect(await mine.conflicts()).toEqual([]);
    expect(await storeRecords(store, 'asks')).toEqual({ x: { ...form, b: 'first', n: 99 } });
  });
});

describe('case A6: the state that the author saw', () => {
  test('the record was deleted meanwhile', async () => {
    const { mine, theirs, store } = await both('asks', form);
    await theirs.capture('asks', remove);
    await theirs.drain();
    await mine.drain();
    await mine.capture('asks', {
      op: 'patch',
      id: 'x',
      set: { b: 'my note' },
      removed: [],
      from: form,
    });
    expect(await only(mine)).toMatchObject({
      reason: 'deleted-there',
      base: form,
      mine: { ...form, b: 'my note' },
      theirs: null,
    });
    await mine.resolve(await only(mine), { take: 'mine' });
    await mine.drain();
    expect(await storeRecords(store, 'asks')).toEqual({ x: { ...form, b: 'my note' } });
  });

  test('deleted here, after another state was seen', async () => {
    const { mine, store } = await opened('asks');
    await mine.capture('asks', { op: 'delete', id: 'x', from: form });
    expect(await only(mine)).toMatchObject({
      reason: 'deleted-here',
      fields: '*',
      theirs: { ...form, a: 'fail' },
    });
    await mine.resolve(await only(mine), { take: 'mine' });
    await mine.drain();
    expect(await storeRecords(store, 'asks')).toEqual({});
  });

  test('a revision: the row’s own counts as none; an older revision makes a conflict', async () => {
    const { mine } = await opened('asks');
    const shown = await row(mine, 'asks');
    await mine.capture('asks', {
      op: 'patch',
      id: 'x',
      set: { b: 'my note' },
      removed: [],
      from: shown?.revision,
    });
    expect(await mine.conflicts()).toEqual([]);
    await mine.drain();
    await mine.capture('asks', {
      op: 'patch',
      id: 'x',
      set: { a: 'watch' },
      removed: [],
      from: (shown?.revision ?? 0) - 1,
    });
    expect(await only(mine)).toMatchObject({
      fields: [{ field: 'a', mine: 'watch', theirs: 'fail' }],
    });
  });

  test.each<[string, unknown, string]>([
    ['a text', 'x', 'not-json'],
    ['a list', [], 'not-json'],
    ['nothing', null, 'not-json'],
    ['half a revision', 1.5, 'not-json'],
    ['a date in it', { id: 'x', a: new Date(0) }, 'not-json'],
    ['another record', { ...form, id: 'y' }, 'no-id'],
  ])('from %s is refused, and nothing is stored', async (_name, from, kind) => {
    const { mine } = await opened('asks');
    expect(
      await mine.capture('asks', { op: 'put', value: { ...form, b: 'my note' }, from }),
    ).toMatchObject({ kind });
    expect(await status(mine)).toMatchObject({ unsent: 0 });
  });
});
