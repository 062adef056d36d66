import * as v from 'valibot';
import { didYouMean } from '../../shared/closest.ts';
import type { Declarations } from '../../shared/collections.ts';
import type { Conflict, Resolution } from '../../shared/conflict.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { HistoryFact } from '../../shared/history.ts';
import { own } from '../../shared/json.ts';
import { ChoicesSchema } from '../../shared/messages.ts';
import { conflictOf, resolveConflict } from '../record/conflict.ts';
import type { RecordStep } from '../record/record-events.ts';
import type { ReplicaRecord } from '../record/record.ts';
import { whyRefused, type JsonSchema } from './on-the-spot.ts';

/**
 * Decides a conflict of a collection in a person's place: returns a choice for each field in
 * conflict, as for `resolve()`, or nothing, and a person decides. Called while the answer is being
 * stored, so it is pure and quick: no promise, no clock, no state of its own.
 */
export type Resolver = (conflict: Conflict) => Resolution | undefined | void;

/** A resolver for each collection that has one, by the collection's name. */
export type ResolverByCollection = Readonly<Record<string, Resolver>>;

/** Longest run of a resolver, ms; a resolver that takes longer is not asked again. */
const RUN_MS_MAX = 1_000;

type Decided = Extract<HistoryFact, { kind: 'conflict-decided' }>;
/** Hears of each decision, for the history. */
export type NoteDecided = (fact: Decided) => void;

/** The resolvers of a worker. */
export class Resolvers {
  readonly #resolvers: ResolverByCollection;
  readonly #tell: (words: string) => void;
  readonly #now: () => number;
  readonly #tooSlow = new Set<string>();

  /** `tell` hears of resolvers that failed; `now`: ms, to measure a run with. */
  constructor(
    resolvers: ResolverByCollection,
    tell: (words: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#resolvers = resolvers;
    this.#tell = tell;
    this.#now = now;
  }

  /** Tells of resolvers that no declared collection will ever ask. */
  check(declarations: Declarations): void {
    for (const name of Object.keys(this.#resolvers))
      if (!own(declarations, name))
        this.#tell(
          `There is a resolver of "${name}", and collections.json declares no such collection.` +
            didYouMean(name, Object.keys(declarations)),
        );
  }

  /**
   * Returns a record that met a new conflict as the collection's resolver decides. The record stays
   * unchanged, for a person, where the resolver returns nothing, throws, takes too long or makes a
   * choice that cannot be sent; where the change was refused, or may have been sent (`forked`); and
   * where the conflict waits for a person already.
   */
  decide(
    { before, after: record }: Pick<RecordStep, 'before' | 'after'>,
    declarations: Declarations,
    note: NoteDecided,
  ): ReplicaRecord {
    const { collection, id } = record;
    const resolver = own(this.#resolvers, collection);
    const declared = own(declarations, collection);
    const isKnown = before.mark !== undefined;
    if (!record.mark || isKnown || record.rejection || !resolver || !declared) return record;
    const { reason } = record.mark;
    if (reason === 'forked' || this.#tooSlow.has(collection)) return record;
    const fact = { kind: 'conflict-decided', collection, id, reason } as const;
    try {
      const choices = this.#ask(resolver, record);
      if (choices === undefined) return record;
      const decided = taken(record, choices, declared.schema);
      note({ ...fact, choices: namesOf(choices) });
      return decided;
    } catch (error) {
      const why = error instanceof UpdraftError ? error.kind : 'threw';
      note({ ...fact, why });
      this.#tell(
        `The resolver of "${collection}" decided nothing, a person will: ${String(error)}`,
      );
      return record;
    }
  }

  #ask(resolver: Resolver, record: ReplicaRecord): Resolution | undefined {
    const began = this.#now();
    // A copy: what a resolver does to its argument must not reach the store.
    const choices: unknown = resolver(structuredClone(conflictOf(record)) as Conflict);
    const took = this.#now() - began;
    if (took > RUN_MS_MAX) {
      this.#tooSlow.add(record.collection);
      throw new UpdraftError(
        'bad-choice',
        `It took ${Math.round(took)} ms of at most ${RUN_MS_MAX}, and is not asked again before ` +
          'the worker starts anew.',
      );
    }
    if (choices === undefined) return undefined;
    if (!(choices instanceof Promise) && v.is(ChoicesSchema, choices)) return choices;
    throw new UpdraftError(
      'bad-choice',
      'It must return, at once, { take: "mine" }, { take: "theirs" } or { value: … } for each ' +
        'field in conflict, or nothing.',
    );
  }
}

/**
 * Returns the record with the choices taken. The change keeps its number, by which the page that
 * captured the change hears its end.
 */
function taken(record: ReplicaRecord, choices: Resolution, schema: JsonSchema): ReplicaRecord {
  const shown = { theirsRevision: record.revision, choices };
  const decided = resolveConflict(record, shown, record.pending?.lastSeq ?? 0);
  const refused = whyRefused(decided, schema);
  if (refused)
    throw new UpdraftError(
      'schema',
      `With its choices the record does not fit its schema at ${refused.path ?? 'its root'}.`,
      refused.path,
    );
  return decided;
}

/** For each field whose value was chosen. The history holds no values. */
const namesOf = (choices: Resolution): NonNullable<Decided['choices']> =>
  Object.fromEntries(
    Object.entries(choices).map(([field, choice]) => [
      field,
      'take' in choice ? choice.take : 'value',
    ]),
  );
