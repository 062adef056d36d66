import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { expect, test } from 'vitest';
import { rowsOf } from '../simulation/raw-rows.ts';
import { openDatabase, TABLE_NAMES, tablesOf } from './database.ts';
import { isTaken } from './store-errors.ts';

test('fault 80: a write that fails after the commit was asked for leaves nothing', async () => {
  const indexedDB = new IDBFactory();
  const db = openDatabase('updraft:ana', { indexedDB, IDBKeyRange });
  const row = (id: string): { requestId: string; at: number; answer: null } => ({
    requestId: id,
    at: 1,
    answer: null,
  });
  const write = (...ids: string[]): PromiseLike<unknown> =>
    db.transaction('rw', TABLE_NAMES, async (transaction) => {
      const { native } = tablesOf(transaction);
      await native.get('requests', ['nobody']);
      native.put('events', [{ cursor: ids.length, events: [] }]);
      native.add('requests', ids.map(row));
      native.put('requests', [row('last')]);
      await native.commit();
    });
  await write('a');
  await expect(write('b', 'a', 'c')).rejects.toThrow();
  expect((await rowsOf(indexedDB, 'ana', 'requests')).length).toBe(2);
  expect(await rowsOf(indexedDB, 'ana', 'events')).toEqual([{ cursor: 1, events: [] }]);
  db.close();
});

test('rows are read in the order asked for', async () => {
  const indexedDB = new IDBFactory();
  const db = openDatabase('updraft:ana', { indexedDB, IDBKeyRange });
  await db.transaction('rw', TABLE_NAMES, async (transaction) => {
    const { native } = tablesOf(transaction);
    native.put('requests', [
      { requestId: 'a', at: 1, answer: 1 },
      { requestId: 'b', at: 1, answer: 2 },
    ]);
    expect(await native.get('requests', ['b', '?', 'a', 'b'])).toMatchObject([
      { answer: 2 },
      undefined,
      { answer: 1 },
      { answer: 2 },
    ]);
    expect(await native.get('requests', [])).toEqual([]);
    native.delete('requests', ['a']);
    expect(await native.all('requests')).toMatchObject([{ requestId: 'b' }]);
    await native.commit();
  });
  db.close();
});

test('the error of a row that is there already is told apart', () => {
  expect(isTaken(new DOMException('', 'ConstraintError'))).toBe(true);
  expect(isTaken(new DOMException('', 'QuotaExceededError'))).toBe(false);
});
