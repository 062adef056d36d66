import type { EditParts, PartName } from '../../shared/edit.ts';
import { whyNotJson, type Doc, type Json } from '../../shared/json.ts';
import type { Mutation } from '../../shared/mutation.ts';
import type { Edit, Fields, Growing, Parts } from './edit-part.ts';
import { EDIT_PARTS } from './edit-parts.ts';

/**
 * The net effect of captured changes on a record. Increments, and elements of lists, stay
 * operations: as a difference either would become a set.
 */
export type Net = Edit | { readonly kind: 'delete' };

export type { Edit };

export const DELETE: Net = { kind: 'delete' };

const PART_NAMES = Object.keys(EDIT_PARTS) as readonly PartName[];

/** The parts in the order in which they are applied: a field that is removed and set is set. */
const APPLIED = Object.keys({
  removed: true,
  set: true,
  inc: true,
  elements: true,
} satisfies Record<PartName, true>) as readonly PartName[];

/** An edit, or any object with the part. */
type Has<Part extends PartName> = Pick<EditParts, Part>;

/** Returns a part of an edit; a part that the edit lacks does nothing. */
const partOf = <Part extends PartName>(name: Part, edit: Has<Part>): Parts[Part] =>
  (edit[name] ?? EDIT_PARTS[name].empty) as Parts[Part];

/** Makes an edit, part by part. */
function editOf(make: <Part extends PartName>(name: Part) => Parts[Part]): Edit {
  const edit: Record<string, unknown> = { kind: 'edit' };
  for (const name of PART_NAMES) {
    const part = make(name);
    if (!isLeftOut(name, part)) edit[name] = part;
  }
  return edit as unknown as Edit;
}
const isLeftOut = <Part extends PartName>(name: Part, part: Parts[Part]): boolean =>
  EDIT_PARTS[name].isOptional === true && EDIT_PARTS[name].fields(part).length === 0;

/** Gathers from all parts of the edit, in their order. */
function gather<T>(
  edit: Edit,
  from: <Part extends PartName>(name: Part, edit: Has<Part>) => readonly T[],
): T[] {
  const all: T[] = [];
  for (const name of PART_NAMES) for (const item of from(name, edit)) all.push(item);
  return all;
}

/** The edit that does nothing. */
export const EMPTY: Edit = editOf((name) => EDIT_PARTS[name].empty);

/** The parts of an edit, and nothing else that may lie beside them. */
export function partsOf(edit: Edit): EditParts {
  const { kind: _, ...parts } = editOf((name) => partOf(name, edit));
  return parts;
}

/** The reason why a record cannot be given the values in the edit; `undefined`: it can. */
export const whyNotWritable = (edit: Edit): string | undefined =>
  gather<string | undefined>(edit, (name, from) =>
    EDIT_PARTS[name].takesAway ? [] : [whyNotJson(partOf(name, from))],
  ).find((why) => why !== undefined);

/** The fields a net change touches. */
export const netFields = (net: Net): string[] => fieldsIn(PART_NAMES, net);

/**
 * Fields that two parts of a net change name: a number to add to, and a list. A mutation names each
 * field once.
 */
export const fieldsTwice = (net: Net): string[] =>
  netFields(net).filter((field, at, all) => all.indexOf(field) !== at);

/** The fields that a net change only takes away. */
export const fieldsTaken = (net: Net): string[] => fieldsIn(TAKING, net);
const TAKING = PART_NAMES.filter((name) => EDIT_PARTS[name].takesAway);

/** The fields to which a net change gives a value of its own, or none. */
export const fieldsDecided = (net: Net): string[] => fieldsIn(DECIDING, net);
const DECIDING = PART_NAMES.filter((name) => EDIT_PARTS[name].rebase.kind === 'decides');

/** The fields where a net change goes along with any change of the other side. */
export const fieldsMerged = (net: Net): string[] => fieldsIn(MERGING, net);
const MERGING = PART_NAMES.filter((name) => EDIT_PARTS[name].rebase.kind === 'merges');

function fieldsIn(names: readonly PartName[], net: Net): string[] {
  const all: string[] = [];
  if (net.kind === 'delete') return all;
  for (const name of names) for (const field of fieldsOf(name, net)) all.push(field);
  return all;
}
const fieldsOf = <Part extends PartName>(name: Part, edit: Has<Part>): readonly string[] =>
  EDIT_PARTS[name].fields(partOf(name, edit));

/** The value that an edit gives the field; `undefined`: none. */
export function valueDecided(edit: Edit, field: string): Json | undefined {
  for (const name of PART_NAMES) {
    const value = decidedBy(name, edit, field);
    if (value !== undefined) return value;
  }
  return undefined;
}
function decidedBy<Part extends PartName>(
  name: Part,
  edit: Has<Part>,
  field: string,
): Json | undefined {
  const { rebase } = EDIT_PARTS[name];
  return rebase.kind === 'decides' ? rebase.value(partOf(name, edit), field) : undefined;
}

/** The fields that are in the document already as the edit would make them. */
export const fieldsDone = (edit: Edit, doc: Doc): string[] =>
  gather(edit, (name, part) => doneBy(name, part, doc));

function doneBy<Part extends PartName>(name: Part, edit: Has<Part>, doc: Doc): string[] {
  const { fields, isDone } = EDIT_PARTS[name];
  const part = partOf(name, edit);
  return fields(part).filter((field) => isDone(part, field, doc));
}

/** The edit that makes `after` of `before`; fields that the author did not touch are not in it. */
export const diff = (before: Doc | null, after: Doc): Edit =>
  editOf((name) => {
    const part = EDIT_PARTS[name];
    return part.diff ? part.diff(before, after) : part.empty;
  });

/**
 * The document after the net change; `null` when deleted. A part with a result that no record
 * could hold leaves the field unchanged (`fieldsUnfit` names the field).
 */
export function applyNet(base: Doc | null, net: Net | undefined, id: string): Doc | null {
  if (!net) return base;
  if (net.kind === 'delete') return null;
  return APPLIED.reduce((doc, name) => applied(doc, name, net, id), base ?? {}) as Doc;
}
const applied = <Part extends PartName>(
  doc: Fields,
  name: Part,
  edit: Has<Part>,
  id: string,
): Fields => EDIT_PARTS[name].apply(doc, partOf(name, edit), id);

/** Fields to which the net change cannot be applied: no record could hold the result. */
export const fieldsUnfit = (doc: Doc | null, net: Net): string[] =>
  net.kind === 'delete'
    ? []
    : gather(net, (name, edit) => EDIT_PARTS[name].unfit(partOf(name, edit), doc));

/** The fields of the record that an edit makes where there is none, as an edit that only sets. */
const created = (edit: Edit): Edit => ({
  ...EMPTY,
  set: PART_NAMES.reduce<Fields>((doc, name) => createdBy(name, edit, doc), {}),
});
const createdBy = <Part extends PartName>(name: Part, edit: Has<Part>, doc: Fields): Fields =>
  EDIT_PARTS[name].create(doc, partOf(name, edit));

/**
 * Returns the net change that does `earlier`, then `later`. `base` is the document that `earlier`
 * was made on: a record deleted and made again removes the fields that the new form lacks.
 */
export function compose(
  earlier: Net | undefined,
  later: Net | undefined,
  base: Doc | null,
): Net | undefined {
  if (!earlier || !later || later.kind === 'delete') return later ?? earlier;
  if (earlier.kind === 'delete') {
    const made = created(later);
    const isGone = (field: string): boolean => field !== 'id' && !Object.hasOwn(made.set, field);
    return { ...made, removed: Object.keys(base ?? {}).filter(isGone) };
  }
  const after = allOf(later);
  const edit = allOf(earlier);
  for (const name of PART_NAMES) leave(name, edit, after);
  for (const name of PART_NAMES) join(name, edit, after);
  return editOf((name) => edit[name]);
}
function allOf(edit: Edit): Growing {
  const all: Record<string, unknown> = {};
  for (const name of PART_NAMES) all[name] = partOf(name, edit);
  return all as unknown as Growing;
}
const leave = <Part extends PartName>(
  name: Part,
  edit: Pick<Growing, Part>,
  later: Parts,
): void => {
  edit[name] = EDIT_PARTS[name].compose.under(edit[name], later);
};
const join = <Part extends PartName>(name: Part, edit: Growing, later: Pick<Parts, Part>): void =>
  EDIT_PARTS[name].compose.join(edit, later[name]);

/** The net change without what the base already says; `undefined` when nothing is left to do. */
export function dropEqual(net: Net, base: Doc | null): Net | undefined {
  if (net.kind === 'delete') return base === null ? undefined : net;
  if (base === null) return created(net);
  const left = editOf((name) => {
    const done = doneBy(name, net, base);
    const part = partOf(name, net);
    return done.length === 0 ? part : EDIT_PARTS[name].without(part, done);
  });
  return netFields(left).length === 0 ? undefined : left;
}

/** Only the part of an edit that touches these fields (`'*'`: all of it). */
export function restrict(net: Net, fields: '*' | readonly string[]): Net | undefined {
  if (fields === '*' || net.kind === 'delete') return net;
  const rest = netFields(net).filter((field) => !fields.includes(field));
  return without(net, rest);
}

/** The edit without these fields; `undefined` when nothing is left of it. */
export function without(net: Net, fields: readonly string[]): Net | undefined {
  if (net.kind === 'delete') return net;
  const edit = editOf((name) => EDIT_PARTS[name].without(partOf(name, net), fields));
  return netFields(edit).length === 0 ? undefined : edit;
}

/** Returns the parts of an edit for a mutation, without empty parts. */
export function toWire(edit: Edit): Pick<Mutation, PartName> {
  const sent: Record<string, unknown> = {};
  for (const name of PART_NAMES) {
    const part = wireOf(name, edit);
    if (part !== undefined) sent[name] = part;
  }
  return sent;
}
const wireOf = <Part extends PartName>(name: Part, edit: Has<Part>): Mutation[Part] =>
  EDIT_PARTS[name].wire(partOf(name, edit));
