import type { Doc } from '../../shared/json.ts';
import type { Pending } from './record.ts';
import { applyNet, diff, dropEqual, type Net } from './net.ts';

/**
 * Returns the document after the change. An edit of a deleted record is made on the record that the
 * author saw.
 */
export function applyChange(doc: Doc | null, change: Pending | undefined, id: string): Doc | null {
  return change ? applyNet(doc ?? change.seen ?? null, change.net, id) : doc;
}

/**
 * Returns the change to send. An edit of a deleted record travels as a create of the whole record
 * that the author saw and changed, never of a part.
 */
export function netToSend(base: Doc | null, { net, seen }: Pending, id: string): Net {
  const whole = base === null && seen ? applyNet(seen, net, id) : null;
  return whole === null ? net : diff(null, whole);
}

/**
 * Returns the change without the fields that the base has already; `undefined` when nothing is left
 * to do. An edit of a deleted record stays as made.
 */
export function withoutEqual(
  base: Doc | null,
  { net, seen }: Pick<Pending, 'net' | 'seen'>,
): Net | undefined {
  return base === null && seen && net.kind === 'edit' ? net : dropEqual(net, base);
}
