import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { POLICIES } from '../testing/test-policies.ts';
import { UpdraftError, unreachable } from '../../shared/errors.ts';
import type { Doc, Json } from '../../shared/json.ts';
import { RECORD_BYTES_MAX } from '../../shared/limits.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import type { Verdict } from '../../shared/verdict.ts';
import { captureChange } from './capture-change.ts';
import { sealRecord } from './seal-record.ts';
import { whyUnfit } from './why-unfit.ts';
import { whyCorrupt } from '../store/quarantine.ts';
import { absent, isSendable, type ReplicaRecord } from './record.ts';
import { toStored } from '../store/stored-record.ts';
import { draws, drawn, DRAWS_TIMEOUT_MS } from '../testing/test-draws.ts';
import { applyVerdict } from './apply-verdict.ts';
import { conflictOf, resolveConflict } from './conflict.ts';
import { discardPending } from './discard.ts';
import { forkRecord } from '../settle/fork.ts';
import { whyUnfitToSend } from './mark-unfit.ts';
import { rebaseRecord, unsealed } from './rebase-record.ts';
import { serverEventsOf } from './record-events.ts';

const field = fc.constantFrom('a', 'b', 'n', 'm');
const huge = fc.constantFrom(1e308, -1e308, 1.7e308, 2 ** 53 - 1, 0.1, 1);
const nested = fc
  .integer({ min: 1, max: 40 })
  .map((depth) => Array.from({ length: depth }).reduce<Json>((inner) => [inner], 0));
const few: fc.Arbitrary<Json> = fc.oneof(fc.constantFrom<Json>(0, 'x', null, true), huge, nested);
const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 1, arbitrary: few },
  // Sizes around half and all of a record's limit, in characters of 1, 2 and 4 bytes; written short
  // (`grown`).
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('a', 'ä', '🔧', '"'),
        fc.constantFrom(7_000, 15_000, 30_000, 33_000, 60_000, RECORD_BYTES_MAX - 20),
      )
      .map(([text, bytes]) => `${text}×${bytes}`),
  },
);
const doc = fc
  .dictionary(field, value, { maxKeys: 4 })
  .map((fields): Doc => ({ ...fields, id: 'x' }));
/** A record as the store could have it. */
const theirs = fc.option(
  doc.filter((one) => whyUnfit(grown(one)) === undefined),
  { freq: 5 },
);
/** The drawn case with long texts named by their length, so that a failure fits on one screen. */
function grown<T>(drawing: T): T {
  return JSON.parse(
    JSON.stringify(drawing, (_key, item: unknown) => {
      const [, text = '', bytes = ''] =
        (typeof item === 'string' && /^(.+)×(\d+)$/u.exec(item)) || [];
      return text
        ? text.repeat(Math.floor(Number(bytes) / new TextEncoder().encode(text).length))
        : item;
    }),
  ) as T;
}
const change: fc.Arbitrary<ChangeCommand> = fc.oneof(
  doc.map((one): ChangeCommand => ({ op: 'put', value: one })),
  fc
    .tuple(doc, fc.option(theirs))
    .map(([one, from]): ChangeCommand => ({ op: 'put', value: one, ...(from ? { from } : {}) })),
  fc.tuple(field, value).map(([name, to]): ChangeCommand => ({
    op: 'patch',
    id: 'x',
    set: { [name]: to },
    removed: [],
  })),
  field.map((name): ChangeCommand => ({ op: 'patch', id: 'x', set: {}, removed: [name] })),
  fc
    .tuple(fc.constantFrom('n', 'm'), huge)
    .map(([name, by]): ChangeCommand => ({ op: 'increment', id: 'x', by: { [name]: by } })),
  fc.constant<ChangeCommand>({ op: 'delete', id: 'x' }),
);
type Step =
  | { readonly step: 'capture'; readonly change: ChangeCommand }
  | {
      readonly step: 'answer';
      readonly verdict: Verdict['verdict'];
      readonly record: Doc | null;
      readonly fields: '*' | readonly string[];
      readonly words: boolean;
    }
  | { readonly step: 'pull'; readonly record: Doc | null }
  | { readonly step: 'choose'; readonly take: 'mine' | 'theirs' | 'value'; readonly value: Json }
  | { readonly step: 'seal' | 'unseal' | 'fork' | 'discard' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: change.map((one): Step => ({ step: 'capture', change: one })) },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constant('answer' as const),
      verdict: fc.constantFrom<Verdict['verdict']>('applied', 'merged', 'conflicted', 'rejected'),
      record: theirs,
      fields: fc.oneof(fc.constant('*' as const), fc.uniqueArray(field)),
      words: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: theirs.map((record): Step => ({ step: 'pull', record })) },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('choose' as const),
      take: fc.constantFrom('mine' as const, 'theirs' as const, 'value' as const),
      value,
    }),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ step: 'seal' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>({ step: 'unseal' }, { step: 'fork' }, { step: 'discard' }),
  },
);

const context = (policy: (typeof POLICIES)[number]) => ({
  policy,
  newConflictId: () => 'c',
  generation: 1,
  now: 1,
});
const reason = { kind: 'schema', message: 'no' };

function verdictOf(
  { revision }: ReplicaRecord,
  { verdict, record, fields, words }: Extract<Step, { step: 'answer' }>,
): Verdict {
  const more = words || verdict === 'rejected' ? { reason } : {};
  return {
    collection: 'asks',
    id: 'x',
    revision: revision + 1,
    verdict,
    record,
    fields,
    ...more,
  } as Verdict;
}

function next(
  record: ReplicaRecord,
  each: Step,
  at: number,
  policy: (typeof POLICIES)[number],
): ReplicaRecord {
  const deps = context(policy);
  const revision = record.revision + 1;
  switch (each.step) {
    case 'capture':
      return captureChange(record, each.change, at, deps).record;
    case 'seal':
      return isSendable(record) ? sealRecord(record) : record;
    case 'answer':
      return applyVerdict(record, verdictOf(record, each), deps);
    case 'pull':
      return record.sealed
        ? record
        : rebaseRecord(
            record,
            { base: each.record, revision, generation: 1 },
            policy,
            deps.newConflictId,
          );
    case 'choose': {
      const choice = each.take === 'value' ? { value: each.value } : { take: each.take };
      const fields = record.mark && record.mark.fields !== '*' ? record.mark.fields : ['*'];
      return resolveConflict(
        record,
        {
          theirsRevision: record.revision,
          choices: Object.fromEntries(fields.map((name) => [name, choice])),
        },
        at,
      );
    }
    case 'unseal':
      return unsealed(record, deps.newConflictId);
    case 'fork':
      return record.pending || record.sealed ? forkRecord(record, deps.newConflictId) : record;
    case 'discard':
      return discardPending(record);
    default:
      return unreachable(each);
  }
}

function expectReadable(
  base: Doc | null,
  steps: readonly Step[],
  policy: (typeof POLICIES)[number],
): void {
  let record: ReplicaRecord = { ...absent('asks', 'x', 1), base, value: base, revision: 1 };
  for (const [at, each] of steps.entries()) {
    const before = record;
    try {
      record = next(record, each, at + 1, policy);
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
      continue;
    }
    const row = structuredClone(toStored(record, [], isSendable(record)));
    expect(
      whyCorrupt('records', row),
      `${each.step} wrote a row that is read no more`,
    ).toBeUndefined();
    const events = serverEventsOf([{ before, after: record }]).map((event, cursor) => ({
      ...event,
      cursor,
    }));
    expect(
      whyCorrupt('events', { cursor: events.length, events }),
      `${each.step} told what is read no more`,
    ).toBeUndefined();
    if (isSendable(record))
      expect(whyUnfitToSend(record), `after ${each.step} it would be sent`).toBeUndefined();
    if (record.mark) expect(conflictOf(record)?.mine === undefined).toBe(false);
    // Unsent work ends by an answer or by a person alone.
    if (each.step === 'seal' || each.step === 'unseal' || each.step === 'fork')
      expect(Boolean(record.pending ?? record.sealed)).toBe(
        Boolean(before.pending ?? before.sealed),
      );
  }
}

test(
  drawn(
    'case A1, A3: every row that the engine writes passes its check, and no unfit change is sealed',
  ),
  { timeout: DRAWS_TIMEOUT_MS },
  () => {
    fc.assert(
      fc.property(
        theirs,
        fc.array(step, { minLength: 3, maxLength: 14 }),
        fc.constantFrom(...POLICIES),
        (base, steps, policy) => expectReadable(grown(base), grown(steps), policy),
      ),
      draws(120),
    );
  },
);
