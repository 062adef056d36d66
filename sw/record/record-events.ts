import type { UpdraftEvent } from '../../shared/messages.ts';
import type { VerdictName } from '../../shared/verdict.ts';
import { jsonEquals, own } from '../../shared/json.ts';
import type { Dropped } from '../../shared/row.ts';
import { compose, fieldsMerged, netFields, valueDecided, type Net } from './net.ts';
import type { ReplicaRecord } from './record.ts';
import { conflictOf } from './conflict.ts';
import { deadLetterOf } from './dead-letter.ts';

const IDS_PER_EVENT_MAX = 200;

/** A record before and after, with the verdict between. */
export interface RecordStep {
  readonly before: ReplicaRecord;
  readonly after: ReplicaRecord;
  readonly verdict?: VerdictName | 'discarded';
}

/**
 * Returns the events for changed records: first ends, then needs of a person, then the rows to read
 * again.
 */
export function eventsOf(steps: readonly RecordStep[]): UpdraftEvent[] {
  return [
    ...steps.flatMap(settledEvents),
    ...steps.flatMap(conflictEvents),
    ...steps.flatMap(deadLetterEvents),
    ...changeEvents(steps.map(({ after }) => after)),
  ];
}

/**
 * Returns the events for records that changed by the server's news, with the captured fields that
 * the policy `server-wins` dropped.
 */
export function serverEventsOf(steps: readonly RecordStep[]): UpdraftEvent[] {
  return [...steps.flatMap(givenUpEvents), ...eventsOf(steps)];
}

/** Tells the captured fields that gave way between two states of a record. */
export function givenUpEvents({ before, after }: RecordStep): UpdraftEvent[] {
  const captured = compose(before.sealed?.net, before.pending?.net, before.base);
  const fields = captured && after.pending?.net.kind !== 'delete' ? givenUp(captured, after) : [];
  return fields.length > 0 ? [droppedEvent(after, fields)] : [];
}

/**
 * Returns the captured fields that neither wait any longer nor stand in the record; `'*'`: a
 * deletion. Fields that merge stand in any record that exists.
 */
function givenUp(captured: Net, { base, pending }: ReplicaRecord): Dropped['fields'] {
  if (captured.kind === 'delete') return base === null || pending ? [] : '*';
  const waiting = pending ? netFields(pending.net) : [];
  const merged = fieldsMerged(captured);
  const stands = (field: string): boolean =>
    merged.includes(field)
      ? base !== null
      : jsonEquals(valueDecided(captured, field), own(base, field));
  return netFields(captured).filter((field) => !waiting.includes(field) && !stands(field));
}

/** Tells that captured fields gave way to the other side's. */
export const droppedEvent = (
  { collection, id }: ReplicaRecord,
  fields: Dropped['fields'],
): UpdraftEvent => ({
  type: 'dropped',
  dropped: { collection, id, fields },
});

function settledEvents({ before, after, verdict }: RecordStep): UpdraftEvent[] {
  const answered = verdict && before.sealed ? before.sealed.lastSeq : undefined;
  const vanished =
    before.pending && !after.pending && !after.sealed ? before.pending.lastSeq : undefined;
  const lastSeq = Math.max(answered ?? -1, vanished ?? -1);
  const word = endOf(after, verdict);
  if (lastSeq < 0 || word === undefined) return [];
  return [
    {
      type: 'settled',
      settled: {
        collection: after.collection,
        id: after.id,
        lastSeq,
        verdict: word,
        ...(after.run === undefined ? {} : { run: after.run }),
      },
    },
  ];
}

/**
 * Returns the word for the end of a change: the server's verdict, if still true on this device. A
 * change found in conflict, or refused, may agree by now, or goes on under the policy: then there
 * is no end yet (`undefined`), and the next exchange tells the end.
 */
function endOf(
  { mark, rejection, pending }: ReplicaRecord,
  verdict: RecordStep['verdict'] = 'merged',
): RecordStep['verdict'] {
  const isTrue =
    (verdict !== 'conflicted' || mark !== undefined) &&
    (verdict !== 'rejected' || rejection !== undefined);
  if (isTrue) return verdict;
  if (mark) return 'conflicted';
  return pending ? undefined : 'merged';
}

function conflictEvents({ before, after }: RecordStep): UpdraftEvent[] {
  const conflict =
    after.mark && after.mark.conflictId !== before.mark?.conflictId ? conflictOf(after) : undefined;
  return conflict ? [{ type: 'conflict', conflict }] : [];
}

function deadLetterEvents({ before, after }: RecordStep): UpdraftEvent[] {
  const deadLetter = deadLetterOf(before) ? undefined : deadLetterOf(after);
  return deadLetter ? [{ type: 'dead-letter', deadLetter }] : [];
}

/** Returns an event for each collection; an empty list of ids says "many". */
export function changeEvents(records: readonly ReplicaRecord[]): UpdraftEvent[] {
  const idsByCollection = new Map<string, Set<string>>();
  for (const { collection, id } of records)
    idsByCollection.set(collection, (idsByCollection.get(collection) ?? new Set()).add(id));
  return [...idsByCollection].map(([collection, ids]) => ({
    type: 'change',
    collection,
    ids: ids.size > IDS_PER_EVENT_MAX ? [] : [...ids],
  }));
}
