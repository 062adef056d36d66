import { jsonEquals, own, type Doc, type Json } from '../../shared/json.ts';

/** The net effect of captured changes on one record. Increments stay operations: as a difference they would become a set. */
export type Net = Edit | { readonly kind: 'delete' };
export interface Edit {
  readonly kind: 'edit';
  readonly set: Readonly<Record<string, Json>>;
  readonly removed: readonly string[];
  readonly inc: Readonly<Record<string, number>>;
}

export const DELETE: Net = { kind: 'delete' };
const omit = <T>(from: Readonly<Record<string, T>>, keys: Iterable<string>): Record<string, T> => {
  const copy = { ...from };
  for (const key of keys) delete copy[key];
  return copy;
};
const { fromEntries, entries, keys } = Object;

/** The fields a net change touches. */
export const netFields = (net: Net): string[] => (net.kind === 'delete' ? [] : [...keys(net.set), ...net.removed, ...keys(net.inc)]);

/** The edit that makes `after` of `before`; what the author did not touch is not in it. */
export function diff(before: Doc | null, after: Doc): Edit {
  const set = fromEntries(entries(after).filter(([field, value]) => field !== 'id' && !jsonEquals(own(before, field), value)));
  const removed = keys(before ?? {}).filter((field) => !Object.hasOwn(after, field));
  return { kind: 'edit', set, removed, inc: {} };
}

/** The document after the net change; `null` when deleted. An increment of an absent field starts at 0. */
export function applyNet(base: Doc | null, net: Net | undefined, id: string): Doc | null {
  if (!net) return base;
  if (net.kind === 'delete') return null;
  const doc: Record<string, Json> & { id: string } = { ...omit(base ?? {}, net.removed), ...net.set, id };
  for (const [field, by] of entries(net.inc)) doc[field] = addTo(own(doc, field), by);
  return doc;
}

const addTo = (value: Json | undefined, by: number): Json => (value === undefined ? by : typeof value === 'number' ? value + by : value);

/**
 * One net change that does `earlier`, then `later`. `base` is the document `earlier` was made on:
 * a record deleted and made again removes the fields its new form does not have.
 */
export function compose(earlier: Net | undefined, later: Net | undefined, base: Doc | null): Net | undefined {
  if (!earlier || !later || later.kind === 'delete') return later ?? earlier;
  if (earlier.kind === 'delete') {
    const made = { ...later.set, ...later.inc };
    return { kind: 'edit', set: made, removed: keys(base ?? {}).filter((field) => field !== 'id' && !Object.hasOwn(made, field)), inc: {} };
  }
  const replaced = [...keys(later.set), ...later.removed];
  const set: Record<string, Json> = { ...omit(earlier.set, later.removed), ...later.set };
  const removed = new Set([...earlier.removed.filter((field) => !Object.hasOwn(later.set, field)), ...later.removed]);
  const inc = omit(earlier.inc, replaced);
  for (const [field, by] of entries(later.inc)) {
    if (Object.hasOwn(set, field)) set[field] = addTo(own(set, field), by);
    else if (removed.delete(field)) set[field] = by;
    else inc[field] = (own(inc, field) ?? 0) + by;
  }
  return { kind: 'edit', set, removed: [...removed], inc };
}

/** The net change without what the base already says; `undefined` when nothing is left to do. */
export function dropEqual(net: Net, base: Doc | null): Net | undefined {
  if (net.kind === 'delete') return base === null ? undefined : net;
  if (base === null) return { kind: 'edit', set: { ...net.set, ...net.inc }, removed: [], inc: {} };
  const edit: Edit = {
    kind: 'edit',
    set: fromEntries(entries(net.set).filter(([field, value]) => !jsonEquals(own(base, field), value))),
    removed: net.removed.filter((field) => Object.hasOwn(base, field)),
    inc: fromEntries(entries(net.inc).filter(([, by]) => by !== 0)),
  };
  return netFields(edit).length === 0 ? undefined : edit;
}

/** Only the part of an edit that touches these fields (`'*'`: all of it). */
export function restrict(net: Net, fields: '*' | readonly string[]): Net | undefined {
  if (fields === '*' || net.kind === 'delete') return net;
  const rest = netFields(net).filter((field) => !fields.includes(field));
  return without(net, rest);
}

/** The edit without these fields. */
export function without(net: Net, fields: readonly string[]): Net | undefined {
  if (net.kind === 'delete') return net;
  const edit: Edit = { kind: 'edit', set: omit(net.set, fields), removed: net.removed.filter((field) => !fields.includes(field)), inc: omit(net.inc, fields) };
  return netFields(edit).length === 0 ? undefined : edit;
}
