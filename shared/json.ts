import limits from './contract/limits.json' with { type: 'json' };

/** JSON, as stored and compared by Updraft: only JSON enters the store. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** JSON that is neither a list nor an object: an element of a list that is changed as a set. */
export type Scalar = string | number | boolean | null;

/** Whether a value is a list of scalars. A list with empty places is none. */
export const isScalars = (value: unknown): value is readonly Scalar[] =>
  Array.isArray(value) && Array.from(value).every(isScalar);

const isScalar = (value: unknown): boolean =>
  value === null ||
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  Number.isFinite(value);

/** A record's document: a JSON object with an `id`. */
export type Doc = { readonly id: string } & { readonly [field: string]: Json };

/**
 * JSON equality: key order does not count, `1` is not `true`. `undefined` stands for an absent
 * field.
 */
export function jsonEquals(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => jsonEquals(item as Json, b[index] as Json));
  }
  const left = a as { readonly [key: string]: Json };
  const right = b as { readonly [key: string]: Json };
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && jsonEquals(left[key], right[key]));
}

/**
 * Returns the value of an own field of the object: `constructor` and `toString` are field names
 * like any other.
 */
export function own<T>(
  object: Readonly<Record<string, T>> | null | undefined,
  field: string,
): T | undefined {
  return object && Object.hasOwn(object, field) ? object[field] : undefined;
}

/** Bytes of the value's JSON text in UTF-8. */
export function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value));
}

/** Bytes of the text in UTF-8. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

const encoder = new TextEncoder();

const MAX_DEPTH = limits.json_depth_max;

/**
 * Returns why `value` cannot be written into a record, or `undefined` when it can; the provider has
 * an equal check (`json_values.py`, `contract/values.json`). PostgreSQL refuses U+0000 and lone
 * surrogates; numbers that are not finite, dates, maps, `undefined` and cycles have no JSON form;
 * not every reader can keep the keys `__proto__` and `''`.
 */
export function whyNotJson(value: unknown, path = ''): string | undefined {
  return whyNot(value, path, 0, true);
}

/**
 * Returns why `value` cannot be held in a row. Older versions could store more than `whyNotJson`
 * allows today: such records stay readable.
 */
export function whyNotHeld(value: unknown, depth = 0): string | undefined {
  return whyNot(value, '', depth, false);
}

function whyNot(
  value: unknown,
  path: string,
  depth: number,
  isWritten: boolean,
): string | undefined {
  if (depth > MAX_DEPTH || (isWritten && depth === MAX_DEPTH && Object(value) === value))
    return `${path || 'the value'} is nested deeper than ${MAX_DEPTH} levels (or contains itself)`;
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'string') return whyNotText(value, path);
  if (typeof value === 'number') return whyNotNumber(value, path, isWritten);
  if (typeof value !== 'object')
    return `${path || 'the value'} is of type ${typeof value}, which JSON cannot hold`;
  if (!Array.isArray(value) && !isPlain(value))
    return `${path || 'the value'} is not a plain object`;
  // A list copied to the worker keeps any named properties; JSON text would silently lose such
  // properties.
  if (isWritten && Array.isArray(value) && Object.keys(value).length > value.length)
    return `${path || 'the value'} is a list with names beside its items, which JSON cannot hold`;
  for (const [key, item] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const at = path ? `${path}.${key}` : String(key);
    const reason =
      (typeof key === 'string' ? whyNotKey(key, path, isWritten) : undefined) ??
      whyNot(item, at, depth + 1, isWritten);
    if (reason) return reason;
  }
  return undefined;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function whyNotNumber(value: number, path: string, isWritten: boolean): string | undefined {
  if (!Number.isFinite(value)) return `${path || 'the value'} is ${value}, which JSON cannot hold`;
  if (!isWritten || isExact(value)) return undefined;
  return (
    `${path || 'the value'} is ${value}: a whole number beyond ` +
    `${Number.MAX_SAFE_INTEGER} has more digits than can be held exactly. Store ` +
    'it as a text'
  );
}

/**
 * Whether a number survives every reader. Beyond ±(2^53 - 1) a number that JSON writes as an
 * integer is exact only if 15 digits express it: no two such numbers fall together, as
 * 9007199254740992 and 9007199254740993 do. From 10^21 on JSON writes an exponent, which every
 * reader takes for a measurement.
 */
function isExact(value: number): boolean {
  const size = Math.abs(value);
  return (
    size <= Number.MAX_SAFE_INTEGER ||
    size >= 1e21 ||
    Number(value.toPrecision(EXACT_DIGITS)) === value
  );
}
const EXACT_DIGITS = 15;

function whyNotKey(key: string, path: string, isWritten: boolean): string | undefined {
  if (key === '__proto__' || (isWritten && key === ''))
    return `${path || 'the value'} has a key "${key}"`;
  return whyNotText(key, `a key of ${path || 'the value'}`);
}

function whyNotText(text: string, path: string): string | undefined {
  if (text.includes('\u0000')) return `${path || 'the text'} holds the character U+0000`;
  if (!text.isWellFormed()) return `${path || 'the text'} holds half of a surrogate pair`;
  return undefined;
}
