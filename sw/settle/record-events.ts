import type { UpdraftEvent } from '../../shared/messages.ts';
import type { VerdictName } from '../../shared/verdict.ts';
import { jsonEquals, own } from '../../shared/json.ts';
import { compose, netFields } from '../outbox/net.ts';
import type { ReplicaRecord } from '../store/record.ts';
import { conflictOf } from './conflict.ts';
import { deadLetterOf } from './dead-letter.ts';

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

/** The same for what came from the server: there the policy `server-wins` may have dropped what was captured, and says so. */
export function serverEventsOf(steps: readonly RecordStep[]): UpdraftEvent[] {
  return [...steps.flatMap(droppedEvents), ...eventsOf(steps)];
}

/** Captured fields that neither wait any longer nor stand in the record. */
function droppedEvents({ before, after }: RecordStep): UpdraftEvent[] {
  const captured = compose(before.sealed?.net, before.pending?.net, before.base);
  if (captured?.kind !== 'edit') return [];
  const waiting = after.pending ? netFields(after.pending.net) : [];
  const stands = (field: string): boolean => jsonEquals(own(captured.set, field), own(after.base, field));
  const fields = [...Object.keys(captured.set), ...captured.removed].filter((field) => !waiting.includes(field) && !stands(field));
  return fields.length > 0 && after.pending?.net.kind !== 'delete'
    ? [{ type: 'dropped', dropped: { collection: after.collection, id: after.id, fields } }]
    : [];
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
  const deadLetter = before.rejection ? undefined : deadLetterOf(after);
  return deadLetter ? [{ type: 'dead-letter', deadLetter }] : [];
}

/** One event per collection; an empty list of ids says "many". */
export function changeEvents(records: readonly ReplicaRecord[]): UpdraftEvent[] {
  const idsByCollection = new Map<string, Set<string>>();
  for (const { collection, id } of records) idsByCollection.set(collection, (idsByCollection.get(collection) ?? new Set()).add(id));
  return [...idsByCollection].map(([collection, ids]) => ({ type: 'change', collection, ids: ids.size > IDS_PER_EVENT_MAX ? [] : [...ids] }));
}
