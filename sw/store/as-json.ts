import { whyNotJson, type Json } from '../../shared/json.ts';

/** The engine writes no row that is nested deeper. */
const DEPTH_MAX = 40;

/**
 * Returns the value as JSON, so that it can be kept outside the browser. A part that JSON has no
 * form for becomes text; a list that contains itself is cut off.
 */
export function asJson(value: unknown, depth = 0): Json {
  if (depth > DEPTH_MAX) return '…';
  if (Array.isArray(value)) return value.map((item) => asJson(item, depth + 1));
  if (isPlain(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, asJson(item, depth + 1)]),
    );
  return whyNotJson(value) === undefined ? (value as Json) : String(value);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
