import type { UpdraftEvent } from '../../shared/messages.ts';
import type { VerdictName } from '../../shared/verdict.ts';
import type { ReplicaRecord } from '../store/record.ts';
import { conflictOf } from './conflict.ts';

const IDS_PER_EVENT_MAX = 200;

/** One record before and after, with the verdict that changed it. */
export interface RecordStep {
  readonly before: ReplicaRecord;
  readonly after: ReplicaRecord;
  readonly verdict?: VerdictName | 'discarded';
}

/** What the page is told about records that changed: first what ended, then what needs a person, then which rows to read again. */
export function eventsOf(steps: readonly RecordStep[]): UpdraftEvent[] {
  return [
    ...steps.flatMap(settledEvents),
    ...steps.flatMap(conflictEvents),
    ...steps.flatMap(deadLetterEvents),
    ...changeEvents(steps.map(({ after }) => after)),
  ];
}

function settledEvents({ before, after, verdict }: RecordStep): UpdraftEvent[] {
  const answered = verdict && before.sealed ? before.sealed.lastSeq : undefined;
  const vanished = before.pending && !after.pending && !after.sealed ? before.pending.lastSeq : undefined;
  const lastSeq = Math.max(answered ?? -1, vanished ?? -1);
  if (lastSeq < 0) return [];
  return [
    {
      type: 'settled',
      settled: { collection: after.collection, id: after.id, lastSeq, verdict: verdict ?? 'merged', ...(after.run === undefined ? {} : { run: after.run }) },
    },
  ];
}

function conflictEvents({ before, after }: RecordStep): UpdraftEvent[] {
  const conflict = after.mark && after.mark.conflictId !== before.mark?.conflictId ? conflictOf(after) : undefined;
  return conflict ? [{ type: 'conflict', conflict }] : [];
}

function deadLetterEvents({ before, after }: RecordStep): UpdraftEvent[] {
  if (!after.rejection || before.rejection) return [];
  return [
    {
      type: 'dead-letter',
      deadLetter: { collection: after.collection, id: after.id, reason: after.rejection.reason, value: after.value, at: after.rejection.at },
    },
  ];
}

/** One event per collection; an empty list of ids says "many". */
export function changeEvents(records: readonly ReplicaRecord[]): UpdraftEvent[] {
  const idsByCollection = new Map<string, Set<string>>();
  for (const { collection, id } of records) idsByCollection.set(collection, (idsByCollection.get(collection) ?? new Set()).add(id));
  return [...idsByCollection].map(([collection, ids]) => ({ type: 'change', collection, ids: ids.size > IDS_PER_EVENT_MAX ? [] : [...ids] }));
}
