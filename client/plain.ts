/**
 * Deeper than any record may be; a value that contains itself ends here, and is refused by the
 * worker.
 */
const DEPTH_MAX = 40;

/**
 * Number of prototypes: 1 for a plain object, 2 for an array, in every realm (an iframe has other
 * prototypes).
 */
const links = (value: unknown): number => (value ? 1 + links(Object.getPrototypeOf(value)) : 0);

/**
 * Path to the first value that a message would not carry unchanged. Copying to the worker silently
 * drops an object's class with all private and computed members, and the properties under symbols;
 * the page is the last place that can tell such an object from a plain object.
 */
export function notPlain(value: unknown, path = '', depth = 0): string | undefined {
  if (typeof value !== 'object' || !value || depth > DEPTH_MAX) return undefined;
  if (
    links(value) > (Array.isArray(value) ? 3 : 2) ||
    Object.getOwnPropertySymbols(value).length > 0
  )
    return path;
  for (const [key, item] of Object.entries(value)) {
    const found = notPlain(item, path ? `${path}.${key}` : key, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
