import * as v from 'valibot';
import { CallRequestSchema, type Call, type CallEntry, type PendingInputs } from './calls.ts';
import type { Choice, Conflict } from './conflict.ts';
import type { ErrorKind } from './errors.ts';
import { HistoryFilterSchema, type HistoryEntry } from './history.ts';
import { JsonSchema, mapOf, RevisionSchema } from './mutation.ts';
import type { DeadLetter, MutationLetterName, Dropped, OutboxEntry, Row, Settled } from './row.ts';
import type { Status, StorageLoss } from './status.ts';

const text = v.string();
const indexKey = v.union([v.string(), v.pipe(v.number(), v.finite())]);

/** One captured change of one record. */
export const ChangeCommandSchema = v.variant('op', [
  v.object({ op: v.literal('put'), value: v.unknown() }),
  v.object({ op: v.literal('add'), value: v.unknown() }),
  v.object({ op: v.literal('patch'), id: text, set: v.unknown(), removed: v.array(text) }),
  v.object({ op: v.literal('increment'), id: text, by: mapOf<number>(Number.isFinite) }),
  v.object({ op: v.literal('delete'), id: text }),
]);
export type ChangeCommand = v.InferOutput<typeof ChangeCommandSchema>;

const ChoiceSchema = v.union([v.object({ take: v.picklist(['mine', 'theirs']) }), v.object({ value: JsonSchema })]);

const QuerySchema = v.object({
  index: v.exactOptional(text),
  equals: v.exactOptional(v.union([indexKey, v.boolean()])),
  from: v.exactOptional(indexKey),
  to: v.exactOptional(indexKey),
  order: v.exactOptional(v.picklist(['ascending', 'descending'])),
  limit: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

const MutationLetterNameSchema: v.GenericSchema<unknown, MutationLetterName> = v.variant('kind', [
  v.object({ kind: v.literal('mutation'), collection: text, id: text }),
]);

/** Everything a page may ask of the worker. The worker parses each message with this schema: a page is not trusted. */
export const CommandSchema = v.variant('type', [
  v.object({ type: v.literal('hello') }),
  v.object({ type: v.literal('capture'), requestId: text, collection: text, change: ChangeCommandSchema }),
  v.object({ type: v.literal('get'), collection: text, id: text }),
  v.object({ type: v.literal('query'), collection: text, query: QuerySchema }),
  v.object({ type: v.literal('status') }),
  v.object({ type: v.literal('history'), filter: HistoryFilterSchema }),
  v.object({ type: v.literal('outbox') }),
  v.object({ type: v.literal('conflicts') }),
  v.object({ type: v.literal('dead-letters') }),
  v.object({
    type: v.literal('resolve'),
    requestId: text,
    conflictId: text,
    theirsRevision: v.number(),
    choices: mapOf<Choice>((choice) => v.is(ChoiceSchema, choice)),
  }),
  v.object({ type: v.literal('discard'), requestId: text, collection: text, id: text }),
  v.object({
    type: v.literal('retry'),
    requestId: text,
    letter: MutationLetterNameSchema,
    set: v.exactOptional(v.unknown()),
    removed: v.exactOptional(v.array(text)),
  }),
  v.object({ type: v.literal('export-dead-letters') }),
  v.object({ type: v.literal('call'), requestId: text, request: CallRequestSchema }),
  v.object({ type: v.literal('calls') }),
  v.object({ type: v.literal('pending-inputs') }),
  v.object({ type: v.literal('retry-call'), requestId: text, id: text }),
  v.object({ type: v.literal('discard-call'), requestId: text, id: text }),
  v.object({
    type: v.literal('sign-in'),
    credentials: v.variant('kind', [v.object({ kind: v.literal('cookie') }), v.object({ kind: v.picklist(['memory', 'sealed']), token: text })]),
  }),
  v.object({ type: v.literal('sign-out'), unsent: v.picklist(['keep', 'discard', 'refuse']) }),
  v.object({ type: v.literal('sync') }),
  v.object({ type: v.literal('wake'), reason: v.picklist(['online', 'visible', 'heartbeat']), log: text, cursor: v.number() }),
  v.object({ type: v.literal('news'), epoch: text, revision: RevisionSchema }),
]);
export type Command = v.InferOutput<typeof CommandSchema>;
export type CommandType = Command['type'];

/** The envelope of a command. `user` names the replica. A port comes with it for the reply. */
export const RequestSchema = v.object({ updraft: v.number(), user: v.pipe(v.string(), v.minLength(1), v.maxLength(250)), command: v.unknown() });

/** What a capture that returned is: on disk, under this number. `settled` when nothing had to be sent. */
export interface Captured {
  readonly id: string;
  readonly seq: number;
  /** Names the database the number counts in. */
  readonly log: string;
  readonly settled: boolean;
}

/** What is told to every page of the user. `cursor` orders events and lets a page ask for what it missed. */
export type UpdraftEvent =
  | { readonly type: 'change'; readonly collection: string; readonly ids: readonly string[] }
  | { readonly type: 'settled'; readonly settled: Settled }
  | { readonly type: 'dropped'; readonly dropped: Dropped }
  | { readonly type: 'conflict'; readonly conflict: Conflict }
  | { readonly type: 'auth-required'; readonly reason: AuthReason }
  | { readonly type: 'dead-letter'; readonly deadLetter: DeadLetter }
  | { readonly type: 'storage-lost'; readonly loss: StorageLoss }
  | { readonly type: 'call'; readonly call: Call }
  | { readonly type: 'pending-inputs' }
  /** So many stored rows made no sense: they are kept where nothing reads or sends them. */
  | { readonly type: 'quarantined'; readonly count: number };
export type LoggedEvent = UpdraftEvent & { readonly cursor: number };
/** `missing`: the worker has no token (it was restarted, or nobody signed in); `refused`: Airflow refused it; `other-user`: this browser's session is somebody else's. */
export type AuthReason = 'missing' | 'refused' | 'other-user';

/** The state at one moment, with the events after the cursor named (`complete` is false when older ones are no longer kept). */
export interface Snapshot {
  readonly status: Status;
  /** Names the event log that `cursor` counts in. */
  readonly log: string;
  readonly cursor: number;
  readonly events: readonly LoggedEvent[];
  readonly complete: boolean;
  /** Path or URL of the Airflow API server. */
  readonly airflow: string;
}

/** What each command returns. */
export interface Results {
  hello: Snapshot;
  capture: Captured;
  get: Row | null;
  query: readonly Row[];
  status: Status;
  history: readonly HistoryEntry[];
  outbox: readonly OutboxEntry[];
  conflicts: readonly Conflict[];
  'dead-letters': readonly DeadLetter[];
  resolve: Captured;
  discard: null;
  retry: null;
  /** JSON text. */
  'export-dead-letters': string;
  call: { readonly id: string };
  calls: readonly CallEntry[];
  'pending-inputs': PendingInputs;
  'retry-call': null;
  'discard-call': null;
  'sign-in': null;
  'sign-out': null;
  sync: Status;
  wake: Snapshot;
  news: null;
}

/** The worker's reply on the port. */
export type Reply =
  | { readonly updraft: number; readonly ok: unknown }
  | { readonly updraft: number; readonly error: { readonly kind: ErrorKind; readonly message: string } };

/** What is broadcast to every page: the events logged together, in order (a batch settles a thousand records at once), or the newest status. */
export type Broadcast =
  | { readonly updraft: number; readonly user: string; readonly log: string; readonly events: readonly LoggedEvent[] }
  | { readonly updraft: number; readonly user: string; readonly status: Status }
  | { readonly updraft: number; readonly user: string; readonly notice: Notice };
/** What is told to the pages of a user outside the log: it cannot be written there, or the log is gone. */
export type Notice =
  | 'storage-blocked' // another tab holds the database open
  | 'signed-out' // what is unsent is kept, hidden
  | 'wiped'; // signed out, and nothing is left
export const BROADCAST_CHANNEL = 'updraft';
