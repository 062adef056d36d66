import type { Scalar } from '../shared/json.ts';
import type { Query as AnyQuery, Row } from '../shared/row.ts';

declare const indexes: unique symbol;

/**
 * A record whose collection declares these indexes: `updraft-types` writes it, for the types of
 * queries. A record holds no more for it.
 */
export type Indexed<T, Index extends keyof T & string> = T & { readonly [indexes]?: Index };

type Key = string | number | boolean;
/** The scalars among a field's values; all scalars where the type tells of none. */
type Among<Scalars, V> = [Extract<V, Scalars>] extends [never] ? Scalars : Extract<V, Scalars>;
/** Fields whose values an index can hold. */
type KeyFields<T> = {
  [K in keyof T & string]-?: unknown extends T[K]
    ? K
    : Extract<T[K], Key> extends never
      ? never
      : K;
}[keyof T & string];
/** The declared indexes, or any field where none are known. */
type IndexOf<T> =
  | 'id'
  | (typeof indexes extends keyof T ? Extract<T[typeof indexes], string> : KeyFields<T>);

/** Conditions on an index of the keys `V`. */
interface Conditions<V extends Key> extends Pick<AnyQuery, 'missing'> {
  readonly equals?: V;
  readonly in?: readonly V[];
  readonly prefix?: Extract<V, string> extends never ? never : string;
  readonly from?: Extract<V, string | number>;
  readonly to?: Extract<V, string | number>;
}
type ByIndex<T> = {
  [K in keyof T]: { readonly index: K } & Conditions<Among<Key, T[K]>>;
}[keyof T];

interface Further<T> extends Pick<AnyQuery, 'order' | 'limit'> {
  readonly where?: { readonly [K in keyof T & string]?: Among<Scalar, T[K]> | null };
  readonly after?: Pick<Row<T>, 'id' | 'value'>;
}

type TypedQuery<T> = Further<T> &
  (
    | ({ readonly index?: undefined } & Conditions<string>)
    | ByIndex<{ [K in IndexOf<T> & keyof T]: T[K] }>
  );

/**
 * A query of records `T`: its index, values and further fields are those of the record, as far as
 * the record's fields are known. The shape and the rules are those of a query of unknown records.
 */
export type Query<T = unknown> = string extends keyof T
  ? AnyQuery
  : keyof T extends 'id'
    ? AnyQuery
    : TypedQuery<T>;
