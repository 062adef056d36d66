import { whyNotHeld, type Doc } from '../../shared/json.ts';
import { RECORD_BYTES_MAX } from '../../shared/limits.ts';

/** Whether a value is JSON that a device can hold, no larger than a record may be. */
export const isJson = (value: unknown): boolean =>
  whyNotHeld(value) === undefined && lengthOf(value) <= RECORD_BYTES_MAX;

/** Whether a value is a record that a device can hold: a JSON object with an `id`. */
export function isDoc(value: unknown, charsMax = RECORD_BYTES_MAX): value is Doc {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return (
    'id' in value &&
    typeof value.id === 'string' &&
    whyNotHeld(value) === undefined &&
    lengthOf(value) <= charsMax
  );
}

/**
 * Returns the characters of all texts and names in a value: never more than the JSON text has. Of
 * a list only items count, as in JSON: a name beside the items may lead back to the list.
 */
function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (Array.isArray(value))
    return value.reduce((sum: number, item: unknown) => sum + lengthOf(item), 0);
  return Object.entries(value).reduce((sum, [key, item]) => sum + key.length + lengthOf(item), 0);
}
