import type { Doc } from '../../shared/json.ts';
import { isDoc } from './doc.ts';

/**
 * Returns a record from Airflow, checked as stored rows are. `undefined`: no row could hold the
 * record; if written all the same, the row would be quarantined and the record lost from sight.
 */
export function arrived(record: unknown, id: string): Doc | null | undefined {
  if (record === null) return null;
  return isDoc(record) && record.id === id ? record : undefined;
}
