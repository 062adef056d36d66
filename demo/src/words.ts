import type { TransportName } from '../../shared/limits.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { ConflictReason, ErrorKind, RowState, WaitingFor } from '../../client/index.ts';
import type { Inspection } from './collections.ts';

/**
 * Every word about a state comes from these tables, keyed by the kinds Updraft reports: the
 * compiler finds a missing entry.
 */
export const STATE_WORDS: Readonly<Record<RowState, string>> = {
  draft: 'Unfinished',
  local: 'On this device',
  sending: 'Sending',
  synced: 'In Airflow',
  conflict: 'Conflict',
  rejected: 'Rejected',
};

/** A record that is ready to go while nothing can be sent. */
export const HELD_UP_WORDS = 'Ready to send';

export const STATUS_WORDS: Readonly<Record<Inspection['status'], string>> = {
  ok: 'OK',
  watch: 'Watch',
  fail: 'Fail',
};

export const FIELD_WORDS: Readonly<Record<string, string>> = {
  site: 'Site',
  status: 'Status',
  reading: 'Reading',
  visits: 'Visits',
  note: 'Note',
  inspected_on: 'Date',
  score: 'Score',
  outcome: 'Outcome',
  title: 'Task',
  done: 'Done',
};

/** Event that the replica waits for; `next` says when work goes on if no time is known. */
export const WAITING_WORDS: Readonly<
  Record<WaitingFor, { readonly text: string; readonly next: string }>
> = {
  network: { text: 'No network', next: 'sent as soon as there is one' },
  airflow: { text: 'Airflow cannot be reached', next: 'tried again soon' },
  'not-airflow': {
    text: 'Something else answers where Airflow should',
    next: 'check the network, or the address with an administrator',
  },
  'sign-in-page': {
    text: 'A sign-in page of the network answers in Airflow’s place',
    next: 'sign in to the network in another tab',
  },
  'refused-on-the-way': {
    text: 'A change is refused on its way to Airflow',
    next: 'the one it is about is being looked for',
  },
  run: { text: 'Airflow has it and is working on it', next: 'the answer follows' },
  'sign-in': { text: 'Waiting for you to sign in', next: 'nothing is lost meanwhile' },
  'other-user': {
    text: 'Somebody else is signed in to Airflow here',
    next: 'nothing is sent under their name',
  },
  'plugin-missing': {
    text: 'Airflow does not have the Updraft plugin',
    next: 'an administrator needs to install it',
  },
  'dag-missing': {
    text: 'Airflow does not have the DAG updraft_exchange',
    next: 'an administrator needs to add it',
  },
  'dag-paused': {
    text: 'The DAG updraft_exchange is paused in Airflow',
    next: 'it goes on when somebody unpauses it',
  },
  forbidden: {
    text: 'Your Airflow user may not run updraft_exchange',
    next: 'an administrator needs to allow it',
  },
  store: {
    text: 'Airflow answers, but its Updraft store does not',
    next: 'an administrator needs to look at it',
  },
  update: {
    text: 'This app and Airflow are of different versions',
    next: 'update the app or the provider',
  },
  storage: {
    text: 'This device has no room left, or its storage fails',
    next: 'free some space; nothing is lost meanwhile',
  },
  person: { text: 'Everything else is sent', next: 'the rest needs your decision' },
};

/** Transport of the exchanges, and when a change made in Airflow shows here. */
export const VIA_WORDS: Readonly<Record<TransportName, string>> = {
  plugin: 'Straight to Airflow. What changes there shows up here by itself.',
  dag:
    'By DAG runs in Airflow. What changes there shows up here within minutes, or ' +
    'when you fetch it.',
};

export const AUTH_WORDS: Readonly<
  Record<AuthReason | 'signed-out' | 'locked', { readonly title: string; readonly text: string }>
> = {
  'signed-out': { title: 'Signed out', text: 'Capture goes on, sending waits.' },
  locked: {
    title: 'Your unsent work is kept',
    text: 'It is hidden until you are back. Sign in to see it and to go on.',
  },
  missing: {
    title: 'Please sign in again',
    text: 'This device no longer holds your sign-in. Capture goes on, sending waits.',
  },
  refused: {
    title: 'Your sign-in has ended',
    text: 'Airflow no longer accepts it. Nothing is lost; sign in to go on sending.',
  },
  'other-user': {
    title: 'Somebody else is signed in to Airflow',
    text: 'Your changes are never sent under another name. They wait until you sign in.',
  },
};

export const CONFLICT_WORDS: Readonly<
  Record<ConflictReason, { readonly title: string; readonly text: string }>
> = {
  edited: {
    title: 'Changed in two places',
    text:
      'You and somebody else changed the same. Choose what holds; everything ' +
      'else is merged already.',
  },
  'deleted-there': {
    title: 'Deleted in Airflow, edited here',
    text: 'Keep your version, which brings the record back, or let it go.',
  },
  'deleted-here': {
    title: 'Deleted here, edited in Airflow',
    text: 'Delete it all the same, or keep what was changed in Airflow.',
  },
  forked: {
    title: 'Maybe sent already',
    text:
      'A copy of this device’s storage may have sent this change. Send yours ' +
      'again only if it is missing in Airflow.',
  },
  'invalid-merge': {
    title: 'The two versions do not fit together',
    text: 'Merged, the record would break a rule. Choose one of them.',
  },
};

/** Title of a failed action; the error's own message has the details. */
export const ERROR_WORDS: Readonly<Record<ErrorKind, string>> = {
  unsupported: 'This browser cannot work offline',
  'no-service-worker': 'The offline worker did not start',
  'reload-needed': 'A newer version is here: reload the page',
  timeout: 'The offline worker does not answer',
  'bad-message': 'Not understood by the worker',
  'unknown-collection': 'Not part of the data model',
  'unknown-index': 'Not part of the data model',
  'bad-query': 'This cannot be asked so',
  indexing: 'Stored records are being sorted: try again in a moment',
  'bad-option': 'The app asks wrongly',
  'bad-collections': 'The data model of this app has a mistake',
  schema: 'Not complete, or not allowed',
  'not-json': 'This cannot be stored',
  'no-id': 'This record has no id',
  'too-large': 'This is too large to store',
  exists: 'This record exists already',
  'not-found': 'This record is not on this device any more',
  'not-a-number': 'Only a number can be counted up',
  'not-a-list': 'Only a list can be added to',
  'read-only': 'Only Airflow writes this',
  'not-allowed': 'This app may not ask that of Airflow',
  'conflict-moved': 'It was changed again meanwhile',
  'bad-choice': 'A choice is missing',
  'in-flight': 'It is on its way right now: try again in a moment',
  'signed-out': 'Sign in to see and change this',
  'unsent-work': 'Not everything is in Airflow yet',
  'storage-full': 'Not saved: there is no room left on this device',
  'storage-blocked': 'Another tab is in the way',
  storage: 'Not saved: the browser could not store it',
};
