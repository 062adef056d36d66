import { describe, expect, test } from 'vitest';
import type { Query as AnyQuery } from '../shared/row.ts';
import type { Collection } from './collection.ts';
import type { Indexed, Query } from './query.ts';

interface Visit {
  id: string;
  site: string;
  status: 'ok' | 'fail';
  done?: boolean;
  count?: number;
  tags?: string[];
}
type IndexedVisit = Indexed<Visit, 'site' | 'status' | 'count'>;

/** Compiles only for queries of the type, and returns them for a look at the values. */
const all = <T>(...queries: readonly Query<T>[]): readonly AnyQuery[] =>
  queries as readonly AnyQuery[];

describe('the compiler takes', () => {
  test('queries by each declared index, with values of the field', () => {
    const queries = all<IndexedVisit>(
      {},
      { prefix: 'a', order: 'descending' },
      { index: 'id', from: 'a', to: 'b', limit: 10 },
      { index: 'site', equals: 'A7', where: { done: true, status: 'ok', tags: null } },
      { index: 'status', in: ['ok', 'fail'] },
      {
        index: 'count',
        from: 1,
        to: 2,
        after: { id: 'a', value: { id: 'a', site: '', status: 'ok' } },
      },
      { index: 'count', missing: true },
    );
    expect(queries).toHaveLength(7);
  });

  test('any field of scalars without known indexes, and anything of unknown records', () => {
    expect(
      all<Visit>({ index: 'done', equals: true }, { index: 'site', prefix: 'A' }),
    ).toHaveLength(2);
    expect(all<unknown>({ index: 'any', equals: 1 }, { where: { any: null } })).toHaveLength(2);
    expect(all<{ id: string }>({ index: 'any', equals: 1 })).toHaveLength(1);
    expect(all<{ id: string; [field: string]: unknown }>({ index: 'any' })).toHaveLength(1);
  });

  test('any scalar of a field whose schema names no type', () => {
    interface Loose {
      id: string;
      any?: unknown;
      described?: { [key: string]: unknown };
      note?: string | null;
    }
    const queries = all<Indexed<Loose, 'any' | 'described' | 'note'>>(
      { index: 'any', equals: 1, where: { described: true, any: 'a', note: null } },
      { index: 'described', from: 'a', prefix: 'a' },
      { index: 'note', in: ['a'] },
    );
    expect([...queries, ...all<Loose>({ index: 'any', equals: true })]).toHaveLength(4);
  });

  test('records without their indexes for records with them', () => {
    const visit: Visit = { id: 'a', site: 'A7', status: 'ok' };
    const taken: IndexedVisit = visit;
    const patch: Parameters<Collection<IndexedVisit>['patch']>[1] = { done: true };
    expect({ ...taken, ...patch }).toEqual({ ...visit, done: true });
  });
});

describe('the compiler refuses', () => {
  test('an index that is not declared, or that cannot be', () => {
    const queries: readonly Query<IndexedVisit>[] = [
      // @ts-expect-error The field is not an index of this collection.
      { index: 'done', equals: true },
      // @ts-expect-error There is no such field.
      { index: 'sight', equals: 'A7' },
    ];
    // @ts-expect-error No index holds lists.
    const byList: Query<Visit> = { index: 'tags' };
    expect([...queries, byList]).toHaveLength(3);
  });

  test('values that the field cannot have', () => {
    const queries: readonly Query<IndexedVisit>[] = [
      // @ts-expect-error A text.
      { index: 'site', equals: 7 },
      // @ts-expect-error One of two words.
      { index: 'status', in: ['ok', 'failed'] },
      // @ts-expect-error A number has no prefix.
      { index: 'count', prefix: '1' },
      // @ts-expect-error One of two words, or null.
      { where: { status: 'failed' } },
      // @ts-expect-error There is no such field.
      { where: { sight: 'A7' } },
    ];
    expect(queries).toHaveLength(5);
  });
});
