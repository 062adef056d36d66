import type { Policy } from '../../shared/collections.ts';
import { jsonBytes, jsonEquals, own, whyNotJson, type Json } from '../../shared/json.ts';
import { RECORD_BYTES_MAX } from '../../shared/limits.ts';
import type { Reason, VerdictName } from '../../shared/verdict.ts';
import { changedList, listsOf, NO_LIST } from './lists.ts';
import { isFieldName, problem, whyNotId, type Fields, type ServerMutation } from './mutation.ts';

/** A record or tombstone as stored; `fields` lacks the id. */
export interface Stored {
  readonly revision: number;
  readonly created: number;
  readonly fields: Fields;
  /** A field's last change after the creation; a removed field keeps its revision. */
  readonly fieldRevisions: Readonly<Record<string, number>>;
  readonly deleted: boolean;
  readonly owner: string | null;
}

/** The outcome of a mutation; without `record` nothing is written. */
export interface Outcome {
  readonly verdict: VerdictName;
  readonly record?: Stored;
  readonly fields?: '*' | readonly string[];
  readonly dropped?: readonly string[];
  readonly reason?: Reason;
}

/** How a collection decides, and what its schema says of a whole record. */
export interface Rules {
  readonly policy: Policy;
  readonly whyUnfit: (record: Fields) => Reason | undefined;
}

/**
 * Decides a mutation against the stored record by docs/protocol.md, as
 * provider/airflow_updraft/exchange/merge.py does. `revision` is used up only where the outcome has
 * a record.
 */
export function merge(
  mutation: ServerMutation,
  stored: Stored | undefined,
  rules: Rules,
  author: string | null,
  revision: number,
): Outcome {
  const live = stored?.deleted === false ? stored : undefined;
  if (mutation.op === 'delete') return remove(mutation, live, rules.policy, revision);
  if (live) return edit(mutation, live, rules, revision);
  // A partial record is never made.
  if (mutation.op === 'patch') return { verdict: 'conflicted', fields: '*' };
  const moved = stored !== undefined && stored.revision > mutation.baseRevision;
  if (moved && rules.policy === 'ask') return { verdict: 'conflicted', fields: '*' };
  const made: Stored = {
    revision,
    created: revision,
    fields: { ...mutation.set, ...mutation.inc, ...listsOf(mutation) },
    fieldRevisions: {},
    deleted: false,
    owner: author,
  };
  return judged({ verdict: moved ? 'merged' : 'applied', record: made }, mutation, rules, moved);
}

function remove(
  { baseRevision }: ServerMutation,
  live: Stored | undefined,
  policy: Policy,
  revision: number,
): Outcome {
  if (!live) return { verdict: 'merged' };
  const record: Stored = { ...live, revision, fields: {}, fieldRevisions: {}, deleted: true };
  if (live.revision <= baseRevision) return { verdict: 'applied', record };
  if (policy === 'ask') return { verdict: 'conflicted', fields: '*' };
  return policy === 'client-wins' ? { verdict: 'merged', record } : { verdict: 'merged' };
}

/** Fields of an edit by their fate. */
type Fates = Readonly<Record<'written' | 'equal' | 'conflicts' | 'dropped', string[]>>;

function edit(mutation: ServerMutation, live: Stored, rules: Rules, revision: number): Outcome {
  const fields: Record<string, Json> = { ...live.fields };
  const fates: Fates = { written: [], equal: [], conflicts: [], dropped: [] };
  const mayWrite = (name: string, equal: boolean, free: boolean): boolean => {
    const fate = fateOf(name, mutation, live, rules.policy, equal, free);
    fates[fate].push(name);
    return fate === 'written';
  };
  for (const [name, value] of Object.entries(mutation.set)) {
    const has = Object.hasOwn(live.fields, name);
    const equal = has && jsonEquals(live.fields[name], value);
    // A create meets fields its author never saw; an absent field is free.
    if (mayWrite(name, equal, mutation.op === 'create' && !has)) fields[name] = value;
  }
  for (const name of mutation.removed)
    if (mayWrite(name, !Object.hasOwn(live.fields, name), false)) delete fields[name];
  for (const [name, step] of Object.entries(mutation.inc)) {
    const before = own(live.fields, name) ?? (Object.hasOwn(live.fields, name) ? null : 0);
    if (typeof before !== 'number')
      return rejected(problem('schema', 'only a number can be incremented', `/${name}`));
    fields[name] = before + step;
    fates.written.push(name);
  }
  for (const [name, change] of Object.entries(mutation.elements)) {
    const after = changedList(live.fields, name, change);
    if (after === 'no-list') return rejected(problem('schema', NO_LIST, `/${name}`));
    fates[after ? 'written' : 'equal'].push(name);
    if (after) fields[name] = after;
  }
  const moved = live.revision > mutation.baseRevision;
  const outcome = { ...verdictOf(fates, moved) };
  if (fates.written.length === 0) return outcome;
  const changed = Object.fromEntries(fates.written.map((name) => [name, revision]));
  const fieldRevisions = { ...live.fieldRevisions, ...changed };
  return judged(
    { ...outcome, record: { ...live, revision, fields, fieldRevisions } },
    mutation,
    rules,
    moved,
  );
}

function fateOf(
  name: string,
  { baseRevision }: ServerMutation,
  live: Stored,
  policy: Policy,
  equal: boolean,
  free: boolean,
): keyof Fates {
  if (equal) return 'equal';
  const isChanged = (own(live.fieldRevisions, name) ?? live.created) > baseRevision;
  if (free || policy === 'client-wins' || !isChanged) return 'written';
  return policy === 'ask' ? 'conflicts' : 'dropped';
}

function verdictOf({ conflicts, equal, dropped }: Fates, moved: boolean): Outcome {
  if (conflicts.length > 0) return { verdict: 'conflicted', fields: conflicts.sort() };
  if (!moved && equal.length === 0 && dropped.length === 0) return { verdict: 'applied' };
  return { verdict: 'merged', ...(dropped.length > 0 ? { dropped: dropped.sort() } : {}) };
}

export const rejected = (reason: Reason): Outcome => ({ verdict: 'rejected', reason });

/** An invalid result is the author's fault, or a merge's conflict; nothing is written. */
function judged(outcome: Outcome, mutation: ServerMutation, rules: Rules, moved: boolean): Outcome {
  const reason = whyUnstorable(mutation, outcome.record?.fields ?? {}, rules);
  if (!reason) return outcome;
  return moved && reason.kind !== 'malformed'
    ? { verdict: 'conflicted', fields: '*', reason }
    : rejected(reason);
}

function whyUnstorable(
  { id, inc, set }: ServerMutation,
  fields: Fields,
  rules: Rules,
): Reason | undefined {
  const unfitId = whyNotId(id);
  if (unfitId !== undefined) return problem('malformed', unfitId);
  for (const name of [...Object.keys(set), ...Object.keys(inc)]) {
    const why = isFieldName(name)
      ? whyNotJson({ [name]: own(fields, name) ?? null })
      : 'not a field name';
    if (why !== undefined) return problem('malformed', why, `/${name}`);
  }
  const record = { id, ...fields };
  return (
    rules.whyUnfit(record) ??
    (jsonBytes(record) > RECORD_BYTES_MAX
      ? problem('too_large', `the record exceeds ${RECORD_BYTES_MAX} bytes`)
      : undefined)
  );
}
