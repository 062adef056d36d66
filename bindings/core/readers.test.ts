import { beforeEach, describe, expect, test } from 'vitest';
import { createHandlers, type Handlers } from '../../client/handlers.ts';
import type { Conflict, Row, Rows } from '../../client/index.ts';
import { Watches, type Watched } from '../../client/watches.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { IDLE } from '../../shared/test-status.ts';
import {
  conflictsReader,
  connectionReader,
  queryReader,
  recordReader,
  statusReader,
  type AnyUpdraft,
} from './readers.ts';
import { NOTHING, type Reading, type Reader } from './reader.ts';

const row = (id: string): Row => ({ id, value: { id }, state: 'synced', revision: 1 });

let handlers: Handlers;
let connection: Reading<AnyUpdraft>;
let stored: Row[];
let conflicts: Conflict[];
let failure: UpdraftError | undefined;
let reads: string[];
let cursor: number;
/** Ends the reads that are held back. */
let release: (() => void) | undefined;
let isHeld: boolean;

/** A client over these rows, with the real handlers and watches. */
function fakeClient(): AnyUpdraft {
  const watches = new Watches(handlers.on);
  const read = async (name: string): Promise<Rows> => {
    reads.push(name);
    const rows = [...stored];
    if (isHeld) await new Promise<void>((resolve) => (release = resolve));
    if (failure) throw failure;
    return rows;
  };
  const watch = (
    query: unknown,
    next: (watched: Watched<unknown>) => void,
    failed: (error: UpdraftError) => void,
  ): (() => void) =>
    watches.watch('asks', JSON.stringify(query), () => read('query'), { next, failed });
  const watchOne = (id: string, next: (row: unknown) => void): (() => void) =>
    watches.watch('asks', id, () => read('get'), { next: ({ rows }) => next(rows[0] ?? null) });
  return {
    on: handlers.on,
    collection: () => ({ watch, watchOne }),
    status: async () => IDLE,
    conflicts: async () => {
      await read('conflicts');
      return conflicts;
    },
  } as unknown as AnyUpdraft;
}
const changed = (): void =>
  handlers.event({ type: 'change', collection: 'asks', ids: ['x'], cursor: ++cursor });
const settle = async (): Promise<void> => {
  for (let tick = 0; tick < 30; tick++) await Promise.resolve();
};
/** Subscribes, and returns all readings so far. */
function read<T>(reader: Reader<T>): { readings: Reading<T>[]; stop: () => void } {
  const readings: Reading<T>[] = [];
  return { readings, stop: reader.subscribe(() => readings.push(reader.getSnapshot())) };
}

beforeEach(() => {
  handlers = createHandlers();
  [stored, conflicts, failure, reads, cursor, isHeld] = [[], [], undefined, [], 0, false];
  connection = { data: fakeClient(), error: undefined };
});

test('a query is read when somebody listens, and again after a change', async () => {
  const reader = queryReader(connection, 'asks');
  await settle();
  expect([reader.getSnapshot(), reads]).toEqual([NOTHING, []]);
  const { readings } = read(reader);
  await settle();
  stored = [row('a')];
  changed();
  await settle();
  expect(readings.map(({ data }) => data?.map(({ id }) => id))).toEqual([[], ['a']]);
  expect(reader.getSnapshot(), 'until the next reading the same object').toBe(readings[1]);
});

test('all who ask for equal options share a reader and its reads', async () => {
  const one = queryReader(connection, 'asks', { index: 'site' });
  const other = queryReader(connection, 'asks', { index: 'site' });
  expect(other).toBe(one);
  expect(queryReader(connection, 'asks', { index: 'day' })).not.toBe(one);
  read(one);
  read(other);
  await settle();
  expect(reads).toEqual(['query']);
});

test('a listener that leaves and comes back at once ends nothing', async () => {
  const reader = queryReader(connection, 'asks');
  read(reader).stop();
  const { readings } = read(reader);
  await settle();
  expect([reads, readings.length]).toEqual([['query'], 1]);
});

test('after the last listener nothing is read, and nothing stays in memory', async () => {
  stored = [row('a')];
  const reader = queryReader(connection, 'asks');
  const [first, second] = [read(reader), read(reader)];
  await settle();
  first.stop();
  await settle();
  expect(reader.getSnapshot().data).toHaveLength(1);
  second.stop();
  await settle();
  changed();
  await settle();
  expect([reads, reader.getSnapshot()]).toEqual([['query'], NOTHING]);
  expect(queryReader(connection, 'asks'), 'a new reader').not.toBe(reader);
  const again = read(reader);
  await settle();
  expect(again.readings.at(-1)?.data, 'the old reader can be listened to anew').toHaveLength(1);
});

test('a record’s reader tells the row, and null while there is none', async () => {
  const { readings } = read(recordReader(connection, 'asks', 'a'));
  await settle();
  stored = [row('a')];
  changed();
  await settle();
  expect(readings.map(({ data }) => data)).toEqual([null, row('a')]);
});

test('the status is read once, and then told', async () => {
  const { readings } = read(statusReader(connection));
  await settle();
  handlers.status({ ...IDLE, unsent: 1 });
  expect(readings.map(({ data }) => data?.unsent)).toEqual([0, 1]);
});

describe('a list', () => {
  test('is read again after news; a burst of news ends in a single further read', async () => {
    const { readings } = read(conflictsReader(connection));
    changed();
    changed();
    handlers.readAgain();
    await settle();
    expect(reads).toEqual(['conflicts', 'conflicts']);
    expect(readings.at(-1)?.data).toEqual([]);
  });
  test('that cannot be read keeps its data, says so, and is read again', async () => {
    const { readings } = read(conflictsReader(connection));
    await settle();
    failure = new UpdraftError('timeout', 'no answer');
    changed();
    await settle();
    expect(readings.at(-1)).toEqual({ data: [], error: failure });
    failure = undefined;
    handlers.status(IDLE);
    await settle();
    handlers.status(IDLE);
    await settle();
    expect(readings.at(-1)).toEqual({ data: [], error: undefined });
    expect(reads).toHaveLength(3);
  });
});

test('a query that fails keeps its rows, says so, and is well again without a change', async () => {
  stored = [row('a')];
  const { readings } = read(queryReader(connection, 'asks'));
  await settle();
  failure = new UpdraftError('timeout', 'no answer');
  changed();
  await settle();
  expect(readings.at(-1)).toEqual({ data: [row('a')], error: failure });
  failure = undefined;
  handlers.status(IDLE);
  await settle();
  expect(readings.at(-1)).toEqual({ data: [row('a')], error: undefined });
});

test('a wiped user’s data goes at once, and an answer under way comes too late', async () => {
  stored = [row('a')];
  const rows = read(queryReader(connection, 'asks'));
  const lists = read(conflictsReader(connection));
  await settle();
  isHeld = true;
  changed();
  handlers.signedOut({ kept: false });
  expect([rows.readings.at(-1), lists.readings.at(-1)]).toEqual([NOTHING, NOTHING]);
  release?.();
  await settle();
  expect([rows.readings.at(-1), lists.readings.at(-1)]).toEqual([NOTHING, NOTHING]);
});

describe('the connection', () => {
  test('of a promise is there once the promise resolves, and shared', async () => {
    const promise = Promise.resolve(connection.data as AnyUpdraft);
    const reader = connectionReader(promise);
    expect(connectionReader(promise)).toBe(reader);
    read(reader);
    expect(reader.getSnapshot()).toEqual(NOTHING);
    await settle();
    expect(reader.getSnapshot().data).toBe(connection.data);
  });
  test('that fails is an error of all data', async () => {
    const error = new UpdraftError('unsupported', 'no worker here');
    const reader = connectionReader(Promise.reject(error));
    read(reader);
    await settle();
    const reading = { data: undefined, error };
    expect(reader.getSnapshot()).toEqual(reading);
    expect(statusReader(reader.getSnapshot()).getSnapshot()).toEqual(reading);
  });
  test('that is ready is there at once; without any there is nothing', () => {
    expect(connectionReader(connection.data).getSnapshot().data).toBe(connection.data);
    expect(connectionReader(undefined).getSnapshot()).toEqual(NOTHING);
    expect(queryReader(NOTHING, 'asks').getSnapshot()).toEqual(NOTHING);
  });
});
