import type { PartName } from '../../shared/edit.ts';
import { isChanged, thenElements, withElements } from '../../shared/elements.ts';
import { jsonEquals, own, whyNotJson, type Json } from '../../shared/json.ts';
import type { EditPart, Fields, Parts } from './edit-part.ts';

/** Returns the object without the keys. Deleting from a copy is faster than filtering entries. */
function omit<T>(from: Readonly<Record<string, T>>, fields: Iterable<string>): Record<string, T> {
  const copy = { ...from };
  for (const field of fields) delete copy[field];
  return copy;
}
const { entries, fromEntries, keys } = Object;
const isEmpty = (part: object): boolean => keys(part).length === 0;

const set: EditPart<'set'> = {
  empty: {},
  fields: keys,
  without: omit,
  diff: (before, after) =>
    fromEntries(
      entries(after).filter(
        ([field, value]) => field !== 'id' && !jsonEquals(own(before, field), value),
      ),
    ),
  // The id is written here, behind the fields, so that no edit changes it.
  apply: (doc, part, id) => ({ ...doc, ...part, id }),
  unfit: () => [],
  create: (doc, part) => ({ ...doc, ...part }),
  takesAway: false,
  isDone: (part, field, doc) => jsonEquals(part[field], own(doc, field)),
  compose: {
    under: (earlier, later) => omit(earlier, later.removed),
    // A new object: assigning would take a field named __proto__ for the prototype.
    join: (edit, later) => {
      edit.set = { ...edit.set, ...later };
    },
  },
  rebase: { kind: 'decides', value: own },
  wire: (part) => (isEmpty(part) ? undefined : part),
};

const removed: EditPart<'removed'> = {
  empty: [],
  fields: (part) => part,
  without(part, fields) {
    const gone = new Set(fields);
    return part.filter((field) => !gone.has(field));
  },
  diff: (before, after) => keys(before ?? {}).filter((field) => !Object.hasOwn(after, field)),
  apply: (doc, part) => (part.length === 0 ? doc : omit(doc, part)),
  unfit: () => [],
  create: (doc) => doc,
  takesAway: true,
  isDone: (_, field, doc) => !Object.hasOwn(doc, field),
  compose: {
    under: (earlier, { set: later }) => earlier.filter((field) => !Object.hasOwn(later, field)),
    join(edit, later) {
      edit.removed = [...new Set([...edit.removed, ...later])];
    },
  },
  rebase: { kind: 'decides', value: () => undefined },
  wire: (part) => (part.length === 0 ? undefined : [...part]),
};

const inc: EditPart<'inc'> = {
  empty: {},
  fields: keys,
  without: omit,
  // An absent field counts as 0. Where no record can hold the sum, the field stays as it was.
  apply(doc, part) {
    if (isEmpty(part)) return doc;
    const after = { ...doc };
    for (const [field, by] of entries(part)) after[field] = addTo(own(doc, field), by);
    return after;
  },
  unfit: (part, doc) =>
    keys(part).filter((field) => {
      const [value, by] = [own<Json>(doc, field) ?? 0, part[field] ?? 0];
      return !isSum(typeof value === 'number' ? value + by : by);
    }),
  create: (doc, part) => (isEmpty(part) ? doc : { ...doc, ...part }),
  takesAway: false,
  isDone: (part, field) => part[field] === 0,
  compose: {
    under: (earlier, later) => omit(earlier, [...keys(later.set), ...later.removed]),
    join(edit, later) {
      for (const [field, by] of entries(later)) {
        const value = own(edit.set, field);
        if (value === undefined && !edit.removed.includes(field))
          edit.inc = { ...edit.inc, [field]: (own(edit.inc, field) ?? 0) + by };
        else {
          edit.set = { ...edit.set, [field]: addTo(value, by) };
          if (value === undefined) edit.removed = removed.without(edit.removed, [field]);
        }
      }
    },
  },
  rebase: { kind: 'merges' },
  wire: (part) => (isEmpty(part) ? undefined : part),
};

const elements: EditPart<'elements'> = {
  empty: {},
  isOptional: true,
  fields: keys,
  without: omit,
  // A field that holds anything but a list of scalars stays as it is; the server rejects the part.
  apply: (doc, part) => changeLists(doc, part),
  unfit: () => [],
  create: (doc, part) => changeLists(doc, part),
  takesAway: false,
  isDone: (part, field, doc) => !isChanged(own(doc, field), own(part, field)),
  compose: {
    under: (earlier, later) => omit(earlier, [...keys(later.set), ...later.removed]),
    join(edit, later) {
      for (const [field, change] of entries(later)) {
        const value = own(edit.set, field);
        const isRemoved = edit.removed.includes(field);
        if (value === undefined && !isRemoved) {
          const both = thenElements(own(edit.elements, field), change);
          edit.elements = { ...edit.elements, [field]: both };
          continue;
        }
        const list = withElements(value, change);
        if (list === undefined) continue;
        edit.set = { ...edit.set, [field]: list };
        if (isRemoved) edit.removed = removed.without(edit.removed, [field]);
      }
    },
  },
  rebase: { kind: 'merges' },
  wire: (part) => (isEmpty(part) ? undefined : part),
};

function changeLists(doc: Fields, part: Parts['elements']): Fields {
  if (isEmpty(part)) return doc;
  const after = { ...doc };
  for (const [field, change] of entries(part)) {
    const list = withElements(own(doc, field), change);
    if (list !== undefined) after[field] = list;
  }
  return after;
}

const isSum = (sum: number): boolean => whyNotJson(sum) === undefined;

function addTo(value: Json | undefined, by: number): Json {
  if (value === undefined) return by;
  if (typeof value !== 'number') return value;
  return isSum(value + by) ? value + by : value;
}

/** All parts there are, in the order in which their fields are named and sent. */
export const EDIT_PARTS: { readonly [Part in PartName]: EditPart<Part> } = {
  set,
  removed,
  inc,
  elements,
};
