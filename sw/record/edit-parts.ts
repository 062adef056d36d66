import type { EditParts, PartName } from '../../shared/edit.ts';
import { jsonEquals, own, whyNotJson, type Doc, type Json } from '../../shared/json.ts';
import type { Mutation } from '../../shared/mutation.ts';

/** The change of a record that stays, or comes to be. */
export interface Edit extends EditParts {
  readonly kind: 'edit';
}

/** A document while an edit is applied. */
export type Fields = Readonly<Record<string, Json>>;

/** An edit while a later edit is added, part by part. */
export type Growing = { -readonly [Part in PartName]: EditParts[Part] };

/** The record's algebra for a part of an edit. All functions but `join` are pure. */
interface EditPart<Part extends PartName> {
  /** The part of an edit that does nothing. */
  readonly empty: EditParts[Part];
  /** The fields that the part touches. */
  readonly fields: (part: EditParts[Part]) => readonly string[];
  /** The part without these fields. */
  readonly without: (part: EditParts[Part], fields: readonly string[]) => EditParts[Part];
  /** The part that makes `after` of `before`; absent if no difference is told by this part. */
  readonly diff?: (before: Doc | null, after: Doc) => EditParts[Part];
  /** The document with the part applied. */
  readonly apply: (doc: Fields, part: EditParts[Part], id: string) => Fields;
  /** The fields to which the part cannot be applied, because no record could hold the result. */
  readonly unfit: (part: EditParts[Part], doc: Doc | null) => string[];
  /** The fields of a record that is created, with those that the part creates. */
  readonly create: (doc: Fields, part: EditParts[Part]) => Fields;
  /** Whether the part only takes fields away: a create cannot say so, and no record grows by it. */
  readonly takesAway: boolean;
  /** Whether the document already is as the part would make the field. */
  readonly isDone: (part: EditParts[Part], field: string, doc: Doc) => boolean;
  readonly compose: {
    /** The part of an earlier edit that a later edit leaves. */
    readonly under: (earlier: EditParts[Part], later: EditParts) => EditParts[Part];
    /** Adds the part of the later edit. All parts of `edit` hold by then what `under` has left. */
    readonly join: (edit: Growing, later: EditParts[Part]) => void;
  };
  /**
   * Rule for a field that the other side has changed too. `decides`: the part gives the field a
   * value (`undefined`: none), which is a conflict. `merges`: both changes hold.
   */
  readonly rebase:
    | {
        readonly kind: 'decides';
        readonly value: (part: EditParts[Part], field: string) => Json | undefined;
      }
    | { readonly kind: 'merges' };
  /** The part as a mutation carries it under the same name; `undefined`: left out. */
  readonly wire: (part: EditParts[Part]) => Mutation[Part];
}

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

const isSum = (sum: number): boolean => whyNotJson(sum) === undefined;

function addTo(value: Json | undefined, by: number): Json {
  if (value === undefined) return by;
  if (typeof value !== 'number') return value;
  return isSum(value + by) ? value + by : value;
}

/** All parts there are, in the order in which their fields are named and sent. */
export const EDIT_PARTS: { readonly [Part in PartName]: EditPart<Part> } = { set, removed, inc };
