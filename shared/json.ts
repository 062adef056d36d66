import limits from './contract/limits.json' with { type: 'json' };

/** JSON as Updraft stores and compares it: what is not JSON never enters the store. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A record's document: a JSON object with an `id`. */
export type Doc = { readonly id: string } & { readonly [field: string]: Json };

/** JSON equality: key order does not count, `1` is not `true`. `undefined` stands for an absent field. */
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

/** The field's value if the object has it itself: `constructor` and `toString` are field names like any other. */
export function own<T>(object: Readonly<Record<string, T>> | null | undefined, field: string): T | undefined {
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
 * Why `value` cannot be stored as JSON, or `undefined` when it can. PostgreSQL refuses U+0000 and lone surrogates;
 * numbers that are not finite, dates, maps, `undefined` and cycles have no JSON form.
 */
export function whyNotJson(value: unknown, path = '', depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return `${path || 'the value'} is nested deeper than ${MAX_DEPTH} levels (or contains itself)`;
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'string') return whyNotText(value, path);
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${path || 'the value'} is ${value}, which JSON cannot hold`;
  if (Array.isArray(value)) return firstReason(value.entries(), path, depth);
  if (typeof value !== 'object') return `${path || 'the value'} is of type ${typeof value}, which JSON cannot hold`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return `${path || 'the value'} is not a plain object`;
  return firstReason(Object.entries(value), path, depth);
}

function firstReason(entries: Iterable<[string | number, unknown]>, path: string, depth: number): string | undefined {
  for (const [key, item] of entries) {
    if (key === '__proto__') return `${path || 'the value'} has a key "__proto__"`;
    const reason =
      (typeof key === 'string' ? whyNotText(key, `a key of ${path || 'the value'}`) : undefined) ??
      whyNotJson(item, path ? `${path}.${key}` : String(key), depth + 1);
    if (reason) return reason;
  }
  return undefined;
}

function whyNotText(text: string, path: string): string | undefined {
  if (text.includes('\u0000')) return `${path || 'the text'} holds the character U+0000`;
  if (!text.isWellFormed()) return `${path || 'the text'} holds half of a surrogate pair`;
  return undefined;
}
