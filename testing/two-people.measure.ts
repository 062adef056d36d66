import type { Collection } from '../client/collection.ts';
import type { Policy } from '../shared/collections.ts';
import { jsonEquals, type Doc } from '../shared/json.ts';
import type { Dropped } from '../shared/row.ts';
import { testUpdraft, type MemoryServer, type TestUpdraft } from './index.ts';
import type { Observed } from './two-people-words.measure.ts';

export interface Visit {
  readonly id: string;
  readonly site: string;
  readonly status: string;
  readonly note?: string;
  readonly visits?: number;
  readonly tags?: readonly string[];
  readonly place?: { readonly floor: number; readonly room: string };
}

/** Whoever changes records: a device, or a DAG. */
export type Writer = {
  readonly [K in 'put' | 'patch' | 'delete' | 'increment' | 'addTo' | 'removeFrom']: (
    ...given: Parameters<Collection<Visit>[K]>
  ) => Promise<unknown>;
};
export type Change = (writer: Writer, id: string) => Promise<unknown>;

/** Two people's changes of one record, each in words and as what is done. */
export interface Pair {
  readonly mine: string;
  readonly theirs: string;
  readonly changeMine: Change;
  /** Each step is in Airflow before the next. */
  readonly changeTheirs: readonly Change[];
  /** Neither knew the record before. */
  readonly isNew?: true;
}

export const POLICIES = ['ask', 'client-wins', 'server-wins'] as const satisfies readonly Policy[];
/** The policy of each collection, by the collection's name. Without a policy there is none. */
export type Policies = { readonly [Name in Policy]?: Policy } & { readonly ask: Policy };
const namesOf = (policies: Policies): Policy[] => POLICIES.filter((name) => policies[name]);
export const AS_NAMED: Policies = {
  ask: 'ask',
  'client-wins': 'client-wins',
  'server-wins': 'server-wins',
};
type Collections = Record<Policy, Visit>;
type Device = TestUpdraft<Collections>;

export const START: Omit<Visit, 'id'> = {
  site: 'A7',
  status: 'ok',
  note: 'dry',
  visits: 3,
  tags: ['wet', 'old'],
  place: { floor: 1, room: 'A' },
};

const schema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    site: { type: 'string' },
    status: { enum: ['ok', 'watch', 'fail'] },
    note: { type: 'string' },
    visits: { type: ['integer', 'string'] },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 4 },
    place: { type: 'object' },
  },
  required: ['id', 'site', 'status'],
};

/** Ana's and Ben's devices at one server, which hold the pairs' records and are at rest. */
async function twoDevices(
  policies: Policies,
  pairs: readonly Pair[],
): Promise<{ readonly ana: Device; readonly ben: Device; readonly dropped: readonly Dropped[] }> {
  const declared = namesOf(policies).map((name) => [name, { schema, onConflict: policies[name] }]);
  const collections = { version: 1, collections: Object.fromEntries(declared) as object };
  const ana = await testUpdraft<Collections>({ collections });
  const ben = await testUpdraft<Collections>({ collections, user: 'ben', server: ana.server });
  const dropped: Dropped[] = [];
  ana.updraft.on('dropped', (fields) => dropped.push(fields));
  for (const policy of namesOf(policies)) {
    const ids = pairs.flatMap(({ isNew }, at) =>
      isNew ? [] : namesIn(policy, at, 'mine', 'theirs'),
    );
    await ana.updraft.collection(policy).putMany(ids.map((id) => ({ id, ...START })));
  }
  await ana.idle();
  await ben.online();
  return { ana, ben, dropped };
}

/** A DAG's writes: each makes the store hold a whole record. */
function dagIn(server: MemoryServer, collection: Policy): Writer {
  const put = async (visit: object): Promise<void> => {
    const set = Object.entries(visit).filter(([, value]) => value !== undefined);
    server.put(collection, Object.fromEntries(set) as Doc);
  };
  const change = (id: string, by: (was: Visit) => object): Promise<void> => {
    const was = server.record(collection, id) as unknown as Visit;
    return put({ ...was, ...by(was) });
  };
  return {
    put,
    patch: (id, set) => change(id, () => set),
    delete: async (id) => server.delete(collection, id),
    increment: (id, { visits = 0 }) =>
      change(id, (was) => ({ visits: Number(was.visits) + visits })),
    addTo: (id, { tags = [] }) => change(id, (was) => ({ tags: [...(was.tags ?? []), ...tags] })),
    removeFrom: (id, { tags = [] }) =>
      change(id, (was) => ({ tags: was.tags?.filter((tag) => !tags.includes(tag)) })),
  };
}

/** A pair's records: changed by both people, and, for comparison, by each alone. */
type Part = 'both' | 'mine' | 'theirs';
const named = (pair: number, part: Part): string => `${pair}-${part}`;
/** A change alone comes to the same under each policy, so a single collection is enough. */
const namesIn = (policy: Policy, pair: number, ...alone: readonly Part[]): readonly string[] =>
  ['both' as const, ...(policy === 'ask' ? alone : [])].map((part) => named(pair, part));

/**
 * Lets each pair happen: Ben, or a DAG, changes the records, and Ana, whose device is the last to
 * send. Each change is also made alone, for comparison. `isHere`: Ben's change has come to Ana's
 * device before she makes hers; else she has no network meanwhile.
 */
export async function measure(
  pairs: readonly Pair[],
  {
    policies = AS_NAMED,
    by = 'device',
    isHere = false,
  }: { policies?: Policies; by?: 'device' | 'dag'; isHere?: boolean } = {},
): Promise<readonly ByPolicy[]> {
  const devices = await twoDevices(policies, pairs);
  const { ana, ben } = devices;
  const each = (happen: Happen): Promise<void> => eachPair(pairs, namesOf(policies), happen);
  const mine = (): Promise<void> =>
    each(async ({ changeMine }, at, policy) => {
      for (const id of namesIn(policy, at, 'mine'))
        await changeMine(ana.updraft.collection(policy), id);
    });
  ana.offline();
  if (!isHere) await mine();
  for (const step of [0, 1]) {
    ben.offline();
    await each(async ({ changeTheirs }, at, policy) => {
      const writer = by === 'dag' ? dagIn(ana.server, policy) : ben.updraft.collection(policy);
      for (const id of namesIn(policy, at, 'theirs')) await changeTheirs[step]?.(writer, id);
    });
    await ben.online();
  }
  await ana.online();
  if (isHere) await mine();
  await ana.idle();
  await ben.online();
  return observed(devices, pairs, namesOf(policies));
}

/** What was observed of a pair, by the policy of the collection. */
export type ByPolicy = { readonly [Name in Policy]?: Observed };

type Happen = (pair: Pair, at: number, policy: Policy) => Promise<void>;

/** All pairs at once: a device stores the captures of a moment in a single transaction. */
async function eachPair(
  pairs: readonly Pair[],
  names: readonly Policy[],
  happen: Happen,
): Promise<void> {
  await Promise.all(names.flatMap((policy) => pairs.map((pair, at) => happen(pair, at, policy))));
}

/** Throws where a pair is at rest, and server and devices hold different records. */
async function observed(
  { ana, ben, dropped }: Awaited<ReturnType<typeof twoDevices>>,
  pairs: readonly Pair[],
  names: readonly Policy[],
): Promise<readonly ByPolicy[]> {
  const conflicts = await ana.updraft.conflicts();
  const letters = await ana.updraft.deadLetters();
  const held = await Promise.all([ana, ben].map((device) => rowsOf(device, names)));
  const observe = (policy: Policy, at: number, base: Observed['base']): Observed => {
    const both = named(at, 'both');
    const isIt = (collection: string, id: string): boolean => collection === policy && id === both;
    const conflict = conflicts.find((one) => isIt(one.collection, one.recordId));
    const letter = letters.find((one) => one.kind === 'mutation' && isIt(one.collection, one.id));
    const record = ana.server.record(policy, both);
    const isOpen = conflict !== undefined || letter !== undefined;
    if (!isOpen && held.some((rows) => !jsonEquals(rows[policy]?.[both], record ?? undefined)))
      throw new Error(`The record ${both} of ${policy} differs between server and a device.`);
    return {
      base,
      mine: fieldsOf(ana.server.record('ask', named(at, 'mine'))),
      theirs: fieldsOf(ana.server.record('ask', named(at, 'theirs'))),
      after: fieldsOf(record),
      isDropped: dropped.some(({ collection, id }) => isIt(collection, id)),
      ...(conflict && { conflict }),
      ...(letter && { refused: letter.reason.kind }),
    };
  };
  return pairs.map(({ isNew }, at) => {
    const base = isNew ? null : (START as unknown as Observed['base']);
    return Object.fromEntries(names.map((policy) => [policy, observe(policy, at, base)]));
  });
}

function fieldsOf(record: Doc | null): Observed['base'] {
  if (!record) return null;
  const { id: _, ...fields } = record;
  return fields;
}

/** The records of a device, by collection and id. */
async function rowsOf(
  { updraft }: Device,
  names: readonly Policy[],
): Promise<{ readonly [Name in Policy]?: Readonly<Record<string, Doc>> }> {
  const all = names.map(async (policy) => {
    const rows = await updraft.collection(policy).query();
    return [policy, Object.fromEntries(rows.map(({ id, value }) => [id, value]))] as const;
  });
  return Object.fromEntries(await Promise.all(all)) as object;
}
