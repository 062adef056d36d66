import type * as v from 'valibot';

type Schema = v.GenericSchema;

/**
 * Paths in the type that the schema does not name, or with values that the schema refuses; `never`
 * for no such path.
 * Walks objects, lists, unions and optional values; any other schema is judged by its output.
 */
export type Forgotten<T, S, Path extends string = 'row'> = S extends { readonly wrapped: infer W }
  ? Forgotten<Exclude<T, Outside<S>>, W, Path>
  : T extends unknown
    ? S extends { readonly entries: infer E }
      ? ForgottenKeys<T, E, Path>
      : S extends { readonly options: readonly (infer Option extends Schema)[] }
        ? IsTaken<T, Option> extends true
          ? never
          : Nearest<T, S, Option, Path>
        : S extends { readonly item: infer Item }
          ? T extends readonly (infer I)[]
            ? Forgotten<I, Item, `${Path}[]`>
            : Path
          : S extends Schema
            ? [T] extends [v.InferOutput<S>]
              ? never
              : Path
            : Path
    : never;

/** Says of a member of a union why the option with the member's tag does not take it. */
type Nearest<T, S, Option, Path extends string> = S extends { readonly key: infer Key }
  ? Key extends keyof T & string
    ? Option extends { readonly entries: { readonly [K in Key]: infer Tag extends Schema } }
      ? [T[Key]] extends [v.InferOutput<Tag>]
        ? Forgotten<T, Option, `${Path}(${T[Key] & string})`>
        : `${Path}(${T[Key] & string})`
      : `${Path}(${T[Key] & string})`
    : Path
  : Path;

/** The values that a wrapper takes in addition to the wrapped schema's values. */
type Outside<S> = S extends { readonly type: 'nullable' | 'nullish' }
  ? null
  : S extends { readonly type: 'optional' }
    ? undefined
    : never;

type ForgottenKeys<T, E, Path extends string> = {
  [Key in keyof T & string]-?: Key extends keyof E
    ? {} extends Pick<T, Key>
      ? E[Key] extends { readonly type: 'exact_optional' | 'optional' }
        ? Forgotten<Exclude<T[Key], undefined>, E[Key], `${Path}.${Key}`>
        : `${Path}.${Key}`
      : Forgotten<T[Key], E[Key], `${Path}.${Key}`>
    : `${Path}.${Key}`;
}[keyof T & string];

type IsTaken<T, Option extends Schema> = true extends (
  Option extends unknown ? ([Forgotten<T, Option>] extends [never] ? true : false) : never
)
  ? true
  : false;

/**
 * Returns the schema as that of stored rows of type T. Does not compile while the type has a key
 * that the schema does not name, or a value that the schema refuses: a version would take its own
 * rows for damaged rows.
 */
export const storedAs =
  <T>() =>
  <const S extends Schema>(
    schema: S & { readonly [Path in Forgotten<T, S>]: 'is not in the schema' },
  ): v.GenericSchema<unknown, T> =>
    schema as unknown as v.GenericSchema<unknown, T>;

/** Marks a schema that checks a part of the value; the reader of the value checks the rest. */
export const partOf = <T>(schema: Schema): v.GenericSchema<T, T> =>
  schema as unknown as v.GenericSchema<T, T>;
