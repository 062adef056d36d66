import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Conflict } from '../shared/conflict.ts';
import type { UpdraftEvent } from '../shared/messages.ts';
import type { Resolver } from '../sw/declarations/resolvers.ts';
import type { UpdraftOptions } from '../sw/options/options.ts';
import { testUpdraft, type TestUpdraft } from './index.ts';

interface Count {
  id: string;
  shelf: string;
  counted?: number;
  note?: string;
}
interface Collections {
  counts: Count;
}
const schema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    shelf: { type: 'string' },
    counted: { type: 'integer', maximum: 100 },
    note: { type: 'string' },
  },
  required: ['id', 'shelf'],
  additionalProperties: false,
};
const collections = { version: 1, collections: { counts: { schema } } };

/** The resolver that docs/two-people.md shows: it takes the higher count, and decides no more. */
const higherCount = ((): Resolver => {
  const page = readFileSync(new URL('../docs/two-people.md', import.meta.url), 'utf8');
  const [, code = ''] = /```js\n([^`]*resolvers[^`]*)```/.exec(page) ?? [];
  const shown = vi.fn<(options: UpdraftOptions) => void>();
  // The block is JavaScript without its imports, whose names are handed in.
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
  new Function('startUpdraft', 'collections', code)(shown, collections);
  return shown.mock.calls[0]?.[0].resolvers?.['counts'] as Resolver;
})();

/** A device on which both sides have changed the record, at the moment before it sends. */
async function bothChanged(
  resolver: Resolver,
  mine: Partial<Count>,
  theirs: Partial<Count>,
): Promise<TestUpdraft<Collections> & { told: UpdraftEvent['type'][] }> {
  const device = await testUpdraft<Collections>({ collections, resolvers: { counts: resolver } });
  const { updraft, offline, conflictWith, idle } = device;
  await updraft.collection('counts').put({ id: 'a', shelf: 'A7', counted: 5, note: '' });
  await idle();
  const told: UpdraftEvent['type'][] = [];
  for (const type of ['conflict', 'dropped', 'settled'] as const)
    updraft.on(type, () => void told.push(type));
  offline();
  await updraft.collection('counts').patch('a', mine);
  conflictWith('counts', 'a', theirs);
  return { ...device, told };
}

const decisions = ({ updraft }: TestUpdraft<Collections>): Promise<readonly object[]> =>
  updraft.history({ kinds: ['conflict-decided'] });
const silenced = () => vi.spyOn(console, 'error').mockReturnValue(undefined);

afterEach(() => vi.restoreAllMocks());

describe('a resolver decides before a person is asked', () => {
  test('mine is sent, theirs is overwritten, and no conflict is told', async () => {
    const device = await bothChanged(higherCount, { counted: 9 }, { counted: 7 });
    await device.online();
    expect(device.server.record('counts', 'a')).toMatchObject({ counted: 9 });
    expect(await device.updraft.conflicts()).toEqual([]);
    expect(device.told).toEqual(['settled']);
    expect(await decisions(device)).toMatchObject([
      { collection: 'counts', id: 'a', reason: 'edited', choices: { counted: 'mine' } },
    ]);
  });

  test('theirs stays, and the page hears that its field was dropped', async () => {
    const device = await bothChanged(higherCount, { counted: 6 }, { counted: 7 });
    await device.online();
    expect(await device.updraft.collection('counts').get('a')).toMatchObject({
      state: 'synced',
      value: { counted: 7 },
    });
    expect(device.told).toEqual(['dropped', 'settled']);
  });

  test('a value of its own is sent, other fields are merged', async () => {
    const sum: Resolver = ({ fields }) =>
      fields === '*'
        ? undefined
        : { counted: { value: Number(fields[0]?.mine) + Number(fields[0]?.theirs) } };
    const device = await bothChanged(sum, { counted: 9 }, { counted: 7, note: 'theirs' });
    await device.online();
    expect(device.server.record('counts', 'a')).toMatchObject({ counted: 16, note: 'theirs' });
    expect((await device.updraft.status()).unsent).toBe(0);
  });

  test('edited here, deleted there: the whole record', async () => {
    const device = await bothChanged(() => ({ '*': { take: 'mine' } }), { counted: 9 }, {});
    device.server.delete('counts', 'a');
    await device.online();
    expect(device.server.record('counts', 'a')).toMatchObject({ counted: 9 });
  });

  test('a form that shows an older value meets it too', async () => {
    const device = await bothChanged(higherCount, { counted: 6 }, { counted: 7 });
    const counts = device.updraft.collection('counts');
    const shown = await counts.get('a');
    await device.online();
    await counts.patch('a', { counted: 8 }, { from: shown?.value as Count });
    expect(await device.updraft.conflicts()).toEqual([]);
    await device.idle();
    expect(device.server.record('counts', 'a')).toMatchObject({ counted: 8 });
    expect(await decisions(device)).toHaveLength(2);
  });
});

describe('a person decides', () => {
  const slow: Resolver = () => {
    const end = performance.now() + 1_234;
    vi.spyOn(performance, 'now').mockReturnValue(end);
    return { counted: { take: 'mine' } };
  };
  const broken: Resolver = () => {
    throw new Error('no such shelf');
  };
  const late = (async () => ({ counted: { take: 'mine' } })) as unknown as Resolver;
  const incomplete: Resolver = () => ({ shelf: { take: 'mine' } });
  const tooHigh: Resolver = () => ({ counted: { value: 101 } });
  const notJson: Resolver = () => ({ counted: { value: Number.NaN } });

  test.each([
    ['the resolver throws', broken, 'threw', /no such shelf/],
    ['the resolver takes too long', slow, 'bad-choice', /ms of at most 1000/],
    ['the resolver returns a promise', late, 'bad-choice', /must return, at once/],
    ['a field has no choice', incomplete, 'bad-choice', /"counted" is in conflict/],
    ['its value breaks the schema', tooHigh, 'schema', /does not fit its schema at \/counted/],
    ['its value is not JSON', notJson, 'not-json', /cannot be stored/],
  ])('where %s', async (_, resolver, why, words) => {
    const logged = silenced();
    const device = await bothChanged(resolver, { counted: 9 }, { counted: 7 });
    await device.online();
    const [conflict] = await device.updraft.conflicts();
    expect(conflict?.fields).toMatchObject([{ field: 'counted', mine: 9, theirs: 7 }]);
    expect(device.told).toEqual(['settled', 'conflict']);
    expect(await decisions(device)).toMatchObject([{ id: 'a', why }]);
    expect(logged.mock.calls).toEqual([[expect.stringMatching(words)]]);
    await device.updraft.resolve(conflict as Conflict, { counted: { take: 'mine' } });
    await device.idle();
    expect(device.server.record('counts', 'a')).toMatchObject({ counted: 9 });
  });

  test('where the resolver leaves it, and nothing is logged', async () => {
    const device = await bothChanged(higherCount, { note: 'mine' }, { note: 'theirs' });
    await device.online();
    expect(await device.updraft.conflicts()).toHaveLength(1);
    expect(await decisions(device)).toEqual([]);
  });

  test('where the conflict waits already: a later change there does not take it away', async () => {
    let isAway = true;
    const resolver: Resolver = (conflict) => (isAway ? undefined : higherCount(conflict));
    const device = await bothChanged(resolver, { counted: 9 }, { counted: 7 });
    await device.online();
    isAway = false;
    device.conflictWith('counts', 'a', { counted: 8 });
    await device.online();
    expect(await device.updraft.conflicts()).toMatchObject([{ fields: [{ theirs: 8 }] }]);
  });

  test('and a slow resolver is not asked again until the worker starts anew', async () => {
    silenced();
    const asked = vi.fn(slow);
    const device = await bothChanged(asked, { counted: 9 }, { counted: 7 });
    const counts = device.updraft.collection('counts');
    await device.online();
    await counts.put({ id: 'b', shelf: 'A8', counted: 1 });
    await device.idle();
    device.offline();
    await counts.patch('b', { counted: 2 });
    device.conflictWith('counts', 'b', { counted: 3 });
    await device.online();
    expect(asked).toHaveBeenCalledTimes(1);
    expect(await device.updraft.conflicts()).toHaveLength(2);
  });
});

test('what a resolver does to the conflict that it is given reaches no row', async () => {
  const vandal: Resolver = (conflict) => {
    Object.assign(conflict.theirs ?? {}, { counted: -1 });
    Object.assign(conflict.base ?? {}, { counted: -1 });
    return undefined;
  };
  const device = await bothChanged(vandal, { counted: 9 }, { counted: 7 });
  await device.online();
  expect(await device.updraft.conflicts()).toMatchObject([
    { base: { counted: 5 }, mine: { counted: 9 }, theirs: { counted: 7 } },
  ]);
});
