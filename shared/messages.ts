import * as v from 'valibot';
import { CallRequestSchema, type Call, type CallEntry, type PendingInputs } from './calls.ts';
import type { Choice, Conflict } from './conflict.ts';
import type { ErrorKind } from './errors.ts';
import { isScalars, type Scalar } from './json.ts';
import { HistoryFilterSchema, type HistoryEntry } from './history.ts';
import { JsonSchema, mapOf, RevisionSchema } from './mutation.ts';
import type { QuarantinedRow } from './quarantine.ts';
import type {
  DeadLetter,
  MutationLetterName,
  Dropped,
  OutboxEntry,
  Row,
  Rows,
  Settled,
} from './row.ts';
import type { Status, StorageLoss } from './status.ts';

const text = v.string();

/**
 * The record that the author of a change saw, or the revision; absent: this device's present
 * record. Checked at capture.
 */
const seen = v.optional(v.unknown());

/** Keeps a record that does not fit its schema on the device, unsent, instead of refusing it. */
const draft = v.optional(v.boolean());

/** A captured change of a record. An unknown key is an option of a caller, and is refused. */
export const ChangeCommandSchema = v.variant('op', [
  v.strictObject({ op: v.literal('put'), value: v.unknown(), from: seen, draft }),
  v.strictObject({ op: v.literal('add'), value: v.unknown(), draft }),
  v.strictObject({
    op: v.literal('patch'),
    id: text,
    set: v.unknown(),
    removed: v.array(text),
    from: seen,
    draft,
  }),
  v.strictObject({
    op: v.literal('increment'),
    id: text,
    by: mapOf<number>(Number.isFinite),
    from: seen,
  }),
  v.strictObject({
    op: v.picklist(['add-to', 'remove-from']),
    id: text,
    elements: mapOf<readonly Scalar[]>(isScalars),
    from: seen,
  }),
  v.strictObject({ op: v.literal('delete'), id: text, from: seen }),
]);
export type ChangeCommand = v.InferOutput<typeof ChangeCommandSchema>;

/** Most changes of a request, captured in a single transaction: all or none. */
export const CAPTURES_MAX = 10_000;

const ChoiceSchema = v.union([
  v.strictObject({ take: v.picklist(['mine', 'theirs']) }),
  v.strictObject({ value: JsonSchema }),
]);

export const ChoicesSchema = mapOf<Choice>((choice) => v.is(ChoiceSchema, choice));

const MutationLetterNameSchema: v.GenericSchema<unknown, MutationLetterName> = v.variant('kind', [
  v.object({
    kind: v.literal('mutation'),
    collection: text,
    id: text,
    quarantined: v.exactOptional(RevisionSchema),
  }),
]);

/**
 * Every message that a page may send to the worker. The worker parses each message with this
 * schema: a page is not trusted.
 */
export const CommandSchema = v.variant('type', [
  v.object({ type: v.literal('hello') }),
  v.object({
    type: v.literal('capture'),
    requestId: text,
    collection: text,
    change: ChangeCommandSchema,
  }),
  v.object({
    type: v.literal('capture-many'),
    requestId: text,
    collection: text,
    changes: v.pipe(v.array(ChangeCommandSchema), v.maxLength(CAPTURES_MAX)),
  }),
  v.object({ type: v.literal('get'), collection: text, id: text }),
  v.object({ type: v.literal('query'), collection: text, query: v.record(text, v.unknown()) }),
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
    choices: ChoicesSchema,
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
  v.object({ type: v.literal('quarantine') }),
  v.object({ type: v.literal('discard-quarantined'), requestId: text, number: RevisionSchema }),
  v.object({ type: v.literal('call'), requestId: text, request: CallRequestSchema }),
  v.object({ type: v.literal('calls') }),
  v.object({ type: v.literal('pending-inputs') }),
  v.object({ type: v.literal('retry-call'), requestId: text, id: text }),
  v.object({ type: v.literal('discard-call'), requestId: text, id: text }),
  v.object({
    type: v.literal('sign-in'),
    credentials: v.variant('kind', [
      v.object({ kind: v.literal('cookie') }),
      v.object({ kind: v.picklist(['memory', 'sealed']), token: v.pipe(text, v.nonEmpty()) }),
    ]),
    /**
     * Set if a page was asked for a new token and has given a token, without a person's sign-in.
     */
    renewal: v.exactOptional(v.literal(true)),
  }),
  v.object({ type: v.literal('sign-out'), unsent: v.picklist(['keep', 'discard', 'refuse']) }),
  v.object({ type: v.literal('sync') }),
  v.object({
    type: v.literal('wake'),
    reason: v.picklist(['online', 'visible', 'heartbeat']),
    log: text,
    cursor: v.number(),
  }),
  v.object({ type: v.literal('news'), epoch: text, revision: RevisionSchema }),
]);
export type Command = v.InferOutput<typeof CommandSchema>;
export type CommandType = Command['type'];

/** The first question of a page: the name of the channel on which this app's pages hear events. */
export const ChannelQuestionSchema = v.object({ type: v.literal('channel') });
export type Question = Command | v.InferOutput<typeof ChannelQuestionSchema>;

/** The envelope of a command. `user` names the replica. A port for the reply comes along. */
export const RequestSchema = v.object({
  updraft: v.number(),
  user: v.pipe(v.string(), v.minLength(1), v.maxLength(250)),
  command: v.unknown(),
});

/** A capture that is on disk, under this number. `settled` when nothing had to be sent. */
export interface Captured {
  readonly id: string;
  readonly seq: number;
  /** Names the database that the number counts in. */
  readonly log: string;
  readonly settled: boolean;
}

/**
 * An event for every page of the user. `cursor` orders events and lets a page ask for missed
 * events.
 */
export type UpdraftEvent =
  | { readonly type: 'change'; readonly collection: string; readonly ids: readonly string[] }
  | { readonly type: 'settled'; readonly settled: Settled }
  | { readonly type: 'dropped'; readonly dropped: Dropped }
  | { readonly type: 'conflict'; readonly conflict: Conflict }
  /**
   * `renew`: a page that can get tokens gives a new token before a person is asked; with the reason
   * `missing` a page does so in any case.
   */
  | { readonly type: 'auth-required'; readonly reason: AuthReason; readonly renew?: true }
  | { readonly type: 'dead-letter'; readonly deadLetter: DeadLetter }
  | { readonly type: 'storage-lost'; readonly loss: StorageLoss }
  | { readonly type: 'call'; readonly call: Call }
  | { readonly type: 'pending-inputs' }
  /** A new collections.json is in force, with these collections. */
  | { readonly type: 'declarations'; readonly collections: readonly string[] }
  /** Number of stored rows that could not be read: kept in quarantine, neither read nor sent. */
  | { readonly type: 'quarantined'; readonly count: number };
export type LoggedEvent = UpdraftEvent & { readonly cursor: number };
/**
 * `missing`: the worker has no token (restarted, or nobody signed in); `refused`: Airflow refused
 * the token; `other-user`: this browser's session belongs to another user.
 */
export type AuthReason = 'missing' | 'refused' | 'other-user';

/**
 * The state at a moment, with the events after the given cursor (`complete` is false when older
 * events are no longer kept).
 */
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

/** Result of each command. */
export interface Results {
  channel: string;
  hello: Snapshot;
  capture: Captured;
  'capture-many': readonly Captured[];
  get: Row | null;
  query: Rows;
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
  quarantine: readonly QuarantinedRow[];
  'discard-quarantined': null;
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

/** Message of a worker that cannot be installed, to the waiting pages. */
export interface LastWords {
  readonly updraftFailed?: { readonly kind: ErrorKind; readonly message: string };
}

/** The worker's reply on the port. */
export type Reply =
  /**
   * `more`: the limit has cut off rows of a query. A field beside the rows, since copies of arrays
   * have no properties; older pages and workers ignore the field.
   */
  | { readonly updraft: number; readonly ok: unknown; readonly more?: true }
  | {
      readonly updraft: number;
      readonly error: {
        readonly kind: ErrorKind;
        readonly message: string;
        readonly path?: string | undefined;
      };
    };

/**
 * Message to every page of the app: the events logged together, in order (a batch settles a
 * thousand records at once), or the newest status.
 */
export type Broadcast =
  | {
      readonly updraft: number;
      readonly user: string;
      readonly log: string;
      readonly events: readonly LoggedEvent[];
    }
  | { readonly updraft: number; readonly user: string; readonly status: Status }
  | { readonly updraft: number; readonly user: string; readonly notice: Notice };
/**
 * A message to the pages of a user outside the event log, for moments when the log cannot be
 * written or is gone.
 */
export type Notice =
  | 'storage-blocked' // another tab holds the database open
  | 'signed-out' // unsent work is kept, hidden
  | 'wiped'; // signed out, and nothing is left
