import { beforeEach, describe, expect, test, vi } from 'vitest';
import * as fc from 'fast-check';
import { UpdraftError } from '../shared/errors.ts';
import type { Row, Rows } from '../shared/row.ts';
import { IDLE } from '../shared/test-status.ts';
import { createHandlers, type Handlers } from './handlers.ts';
import { rowChanges } from './row-changes.ts';
import { Watches, type Watched } from './watches.ts';

const row = (id: string, value: unknown = {}): Row => ({ id, value, state: 'synced', revision: 1 });

let handlers: Handlers;
let watches: Watches;
let stored: Row[];
let reads: number;
/** Answers of reads that are held back, in order. */
let held: (() => void)[] | undefined;
let failure: UpdraftError | undefined;
let cursor: number;

const read = async (): Promise<Rows> => {
  reads++;
  const rows = [...stored];
  if (held) await new Promise<void>((resolve) => held?.push(resolve));
  if (failure) throw failure;
  return rows;
};
const changed = (collection = 'asks'): void =>
  handlers.event({ type: 'change', collection, ids: ['x'], cursor: ++cursor });
const settle = async (): Promise<void> => {
  for (let tick = 0; tick < 20; tick++) await Promise.resolve();
};
/** Watches, and returns what is told: ids of the rows, and of each kind of change. */
function watched(key = 'all', source = read): { told: string[][][]; stop: () => void } {
  const told: string[][][] = [];
  const ids = (rows: readonly Row[]): string[] => rows.map(({ id }) => id);
  const next = (now: Watched<unknown>): void =>
    void told.push([ids(now.rows), ids(now.added), ids(now.changed), ids(now.removed)]);
  return { told, stop: watches.watch('asks', key, source, { next }) };
}

beforeEach(() => {
  handlers = createHandlers();
  watches = new Watches(handlers.on);
  [stored, reads, held, failure, cursor] = [[], 0, undefined, undefined, 0];
});

test('tells the first rows, even none, and then each difference', async () => {
  const { told } = watched();
  await settle();
  expect(told).toEqual([[[], [], [], []]]);
  stored = [row('a'), row('b')];
  changed();
  await settle();
  stored = [row('a', { n: 1 })];
  changed();
  await settle();
  expect(told.slice(1)).toEqual([
    [['a', 'b'], ['a', 'b'], [], []],
    [['a'], [], ['a'], ['b']],
  ]);
});

test('a change of another collection, or without effect on the rows, is not told', async () => {
  const { told } = watched();
  await settle();
  changed('sites');
  await settle();
  expect(reads).toBe(1);
  changed();
  await settle();
  expect([reads, told.length]).toEqual([2, 1]);
});

test('after missed events, a sign-out and newer declarations all is read again', async () => {
  const { told } = watched();
  await settle();
  stored = [row('a')];
  handlers.readAgain();
  await settle();
  stored = [row('b')];
  handlers.event({ type: 'declarations', collections: ['asks'], cursor: ++cursor });
  await settle();
  expect(told.map(([rows]) => rows)).toEqual([[], ['a'], ['b']]);
});

test('a change while rows are read is read too; a burst ends in a single read', async () => {
  held = [];
  const { told } = watched();
  for (let burst = 0; burst < 5; burst++) changed();
  stored = [row('a')];
  held.shift()?.();
  await settle();
  held.shift()?.();
  await settle();
  expect(reads).toBe(2);
  expect(told.map(([rows]) => rows)).toEqual([[], ['a']]);
});

test('watchers of one query share its reads; a later one is told the rows at once', async () => {
  stored = [row('a')];
  const first = watched();
  const second = watched();
  await settle();
  const sharedReads = reads;
  const late = watched();
  await settle();
  changed();
  await settle();
  expect(reads).toBe(sharedReads + 1);
  for (const { told } of [first, second, late]) expect(told).toEqual([[['a'], ['a'], [], []]]);
});

test('where nobody watches any more nothing is read', async () => {
  const { stop } = watched();
  const other = watched();
  await settle();
  stop();
  other.stop();
  const before = reads;
  changed();
  await settle();
  expect(reads).toBe(before);
  const again = watched();
  await settle();
  expect(again.told).toHaveLength(1);
});

describe('a read that fails', () => {
  const failing = async (
    kind: UpdraftError['kind'],
  ): Promise<{ told: number; failed: string[] }> => {
    const failed: string[] = [];
    let told = 0;
    failure = new UpdraftError(kind, 'no');
    const watcher = {
      next: () => void told++,
      failed: (error: UpdraftError) => void failed.push(error.kind),
    };
    watches.watch('asks', 'all', read, watcher);
    await settle();
    failure = undefined;
    handlers.status(IDLE);
    await settle();
    return { told, failed };
  };

  test('is told, and made again as soon as the worker is heard of', async () => {
    expect(await failing('timeout')).toEqual({ told: 1, failed: ['timeout'] });
  });
  test('is over with the next rows, also where nothing has changed', async () => {
    stored = [row('a')];
    const { told } = watched();
    await settle();
    failure = new UpdraftError('timeout', 'no');
    changed();
    await settle();
    expect(told).toHaveLength(1);
    failure = undefined;
    handlers.status(IDLE);
    await settle();
    handlers.status(IDLE);
    changed();
    await settle();
    expect(told.slice(1)).toEqual([[['a'], [], [], []]]);
  });
  test('for a query that makes no sense is told once and not made again', async () => {
    expect(await failing('bad-query')).toEqual({ told: 0, failed: ['bad-query'] });
  });
});

test('a watcher that throws disturbs no other', async () => {
  const reported = vi.fn();
  vi.stubGlobal('reportError', reported);
  watches.watch('asks', 'all', read, {
    next: () => {
      throw new Error('a bug of the app');
    },
  });
  const { told } = watched();
  await settle();
  vi.unstubAllGlobals();
  expect([reported.mock.calls.length, told.length]).toEqual([1, 1]);
});

test('without a function to call a watch is refused', () => {
  expect(() => watches.watch('asks', 'all', read, { next: undefined as never })).toThrow(
    /function/,
  );
});

describe('rowChanges', () => {
  test('the fewest rows are moved', () => {
    const before = ['a', 'b', 'c', 'd'].map((id) => row(id));
    const after = ['b', 'c', 'd', 'a'].map((id) => row(id));
    expect(rowChanges(before, after)).toEqual({
      added: [],
      changed: [],
      moved: [row('a')],
      removed: [],
    });
  });

  test('the changes lead from any result to any other', () => {
    const result = fc.uniqueArray(
      fc.record({
        id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
        n: fc.nat({ max: 2 }),
      }),
      { selector: ({ id }) => id },
    );
    const rows = (drawn: readonly { id: string; n: number }[]): Row[] =>
      drawn.map(({ id, n }) => row(id, { n }));
    fc.assert(
      fc.property(result, result, (drawnBefore, drawnAfter) => {
        const [before, after] = [rows(drawnBefore), rows(drawnAfter)];
        const { added, changed: differing, moved, removed } = rowChanges(before, after);
        const gone = new Set([...removed, ...moved].map(({ id }) => id));
        const still = before.filter(({ id }) => !gone.has(id)).map(({ id }) => id);
        const placed = new Set([...added, ...moved].map(({ id }) => id));
        expect(after.filter(({ id }) => !placed.has(id)).map(({ id }) => id)).toEqual(still);
        const isNew = new Set([...added, ...differing].map(({ id }) => id));
        for (const now of after) if (!isNew.has(now.id)) expect(before).toContainEqual(now);
        for (const now of differing) expect(before).not.toContainEqual(now);
      }),
    );
  });
});
