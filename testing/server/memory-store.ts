import type { Verdict } from '../../shared/verdict.ts';
import type { Author, Declared } from './declared.ts';
import type { Entry } from './ledger.ts';
import { merge, rejected, type Outcome, type Stored } from './merge.ts';
import { problem, type AnyMutation } from './mutation.ts';

/** Everything that a backup would bring back. */
export interface StoreState {
  epoch: string;
  revision: number;
  /** Tombstones up to this revision are forgotten. */
  horizon: number;
  readonly records: Map<string, Stored>;
  /** Records that have left a user's view, with the revision at which they left. */
  readonly gone: Map<string, number>;
  readonly ledger: Map<string, Entry>;
}

export const copyOf = (state: StoreState): StoreState => ({
  ...state,
  records: new Map(state.records),
  gone: new Map(state.gone),
  ledger: new Map(state.ledger),
});

export const keyOf = (collection: string, id: string): string => JSON.stringify([collection, id]);
export const namesOf = (key: string): [string, string] => JSON.parse(key) as [string, string];

/** Applies mutations in order to the state; returns a verdict for each. */
export function applyAll(
  state: StoreState,
  mutations: readonly AnyMutation[],
  author: Author,
  declared: Declared,
): Verdict[] {
  const base = state.revision;
  return mutations.map((mutation) => {
    const key = keyOf(mutation.collection, mutation.id);
    const outcome = decide(mutation, state, author, declared, base);
    if (outcome.record) {
      write(state, key, outcome.record, declared);
      state.revision = outcome.record.revision;
    }
    return verdictOf(mutation, outcome, state.records.get(key), author, declared);
  });
}

function decide(
  mutation: AnyMutation,
  { records, revision }: StoreState,
  author: Author,
  declared: Declared,
  base: number,
): Outcome {
  const { collection, id } = mutation;
  const declaration = declared.get(collection);
  if (!declaration)
    return rejected(problem('unknown_collection', `there is no collection ${collection}`));
  if (!declared.travels(collection, author.transport))
    return rejected(problem('needs_plugin', `${collection} is private`));
  if ('problem' in mutation) return rejected(mutation.problem);
  if (mutation.baseRevision > base)
    return rejected(problem('malformed', 'baseRevision is above the store’s revision'));
  const stored = records.get(keyOf(collection, id));
  const isOwn = declaration.write === 'own' && (!stored || stored.owner === author.user);
  if (!author.isAirflow && declaration.write !== 'all' && !isOwn)
    return rejected(problem('not_writable', `${author.user} may not write this record`));
  const rules = declared.rulesOf(collection, declaration);
  return merge(mutation, stored, rules, author.user, revision + 1);
}

/** Writes a record; a user whose view it leaves is told once. */
export function write(
  { records, gone }: StoreState,
  key: string,
  record: Stored,
  declared: Declared,
): void {
  const before = records.get(key);
  records.set(key, record);
  if (!before || before.owner === record.owner) return;
  if (declared.get(namesOf(key)[0])?.read !== 'own') return;
  const place = (user: string): string => JSON.stringify([user, ...namesOf(key)]);
  if (before.owner !== null) gone.set(place(before.owner), record.revision);
  if (record.owner !== null) gone.delete(place(record.owner));
}

function verdictOf(
  { collection, id }: AnyMutation,
  { verdict, fields, dropped, reason }: Outcome,
  record: Stored | undefined,
  author: Author,
  declared: Declared,
): Verdict {
  if (verdict === 'applied') return { collection, id, verdict, revision: record?.revision ?? 0 };
  const seen = record && declared.mayRead(collection, record.owner, author) ? record : undefined;
  return {
    collection,
    id,
    verdict,
    revision: seen?.revision ?? 0,
    record: seen && !seen.deleted ? { id, ...seen.fields } : null,
    ...(fields === undefined ? {} : { fields }),
    ...(dropped === undefined ? {} : { dropped }),
    ...(reason === undefined ? {} : { reason }),
  } as Verdict;
}
