import { whyNotJson, type Json } from '../../shared/json.ts';

/** The engine writes no row that is nested deeper. */
const DEPTH_MAX = 40;
/** The engine writes no row of more values. A value that holds itself twice doubles each level. */
const PARTS_MAX = 200_000;

/**
 * Returns the value as JSON, so that it can be kept outside the browser. A part that JSON has no
 * form for becomes text; a value that contains itself is cut off.
 */
export function asJson(value: unknown, depth = 0, left = { parts: PARTS_MAX }): Json {
  if (depth > DEPTH_MAX || --left.parts < 0) return '…';
  if (Array.isArray(value)) return value.map((item) => asJson(item, depth + 1, left));
  if (isPlain(value))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, asJson(item, depth + 1, left)]),
    );
  return whyNotJson(value) === undefined ? (value as Json) : String(value);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
