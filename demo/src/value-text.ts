import type { Inspection, Site } from './collections.ts';
import { dayText } from './dates.ts';
import { siteLabel } from './draft.ts';
import { STATUS_WORDS } from './words.ts';

/** Formats a field's value for a person. */
export function valueText(field: string, value: unknown, sites: readonly Site[]): string {
  if (value === undefined || value === '') return '(empty)';
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (typeof value !== 'string')
    return typeof value === 'number' ? String(value) : JSON.stringify(value);
  if (field === 'site') return siteLabel(value, sites);
  if (field === 'status') return STATUS_WORDS[value as Inspection['status']] ?? value;
  return field === 'inspected_on' ? dayText(value) : value;
}
