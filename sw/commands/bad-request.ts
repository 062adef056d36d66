import * as v from 'valibot';
import { UpdraftError } from '../../shared/errors.ts';
import { own } from '../../shared/json.ts';

/** The error for a message that is no request: most likely a wrong call of `connect`. */
export function badRequest(data: unknown): UpdraftError {
  const { user, command } = Object(data) as { readonly user?: unknown; readonly command?: unknown };
  if (
    command === undefined ||
    (typeof user === 'string' && user.length > 0 && user.length <= USER_CHARS_MAX)
  )
    return new UpdraftError('bad-message', 'The message is not an Updraft request.');
  return new UpdraftError(
    'bad-option',
    'connect() needs "user": the name that Airflow knows the person by, a text of 1 to ' +
      `${USER_CHARS_MAX} characters. Each user has a replica of their own; ` +
      'until the name is known there is nothing to connect to.',
  );
}
const USER_CHARS_MAX = 250;

/** The error for an invalid command: most likely a wrong call of a function of the page's API. */
export function badCommand(command: unknown, issue: v.BaseIssue<unknown>): UpdraftError {
  const { type, change } = Object(command) as {
    readonly type?: unknown;
    readonly change?: unknown;
  };
  const { op } = Object(change) as { readonly op?: unknown };
  const usage = own(USAGES, String(type === 'capture' ? op : type));
  const at = `"${v.getDotPath(issue) ?? 'the top'}": ${issue.message}`;
  if (usage === undefined)
    return new UpdraftError('bad-message', `The request is not valid at ${at}`);
  return new UpdraftError(
    'bad-option',
    `${usage} Nothing was changed: what came is not valid at ${at}.`,
  );
}

/** The usage of each function, by the command that the function sends. */
const USAGES: Readonly<Record<string, string>> = {
  'sign-in':
    'signIn() takes { cookie: true }, ' +
    'or { getToken } with a function that gives a token as a text.',
  'sign-out': 'signOut() takes { unsent } with "refuse", "keep" or "discard".',
  'capture-many':
    'putMany() takes a list of records, patchMany() one of { id, set, from }, ' +
    'deleteMany() one of ids; 10,000 at most.',
  put: 'collection(name).put() takes the record, and { from }.',
  add: 'collection(name).add() takes the record.',
  patch: "collection(name).patch() takes the record's id, an object of fields, and { from }.",
  increment:
    "collection(name).increment() takes the record's id, an object of finite numbers, " +
    'and { from }.',
  'add-to':
    "collection(name).addTo() takes the record's id, an object of lists of elements, and { from }.",
  'remove-from':
    "collection(name).removeFrom() takes the record's id, an object of lists of elements, " +
    'and { from }.',
  delete: "collection(name).delete() takes the record's id, and { from }.",
  get: "collection(name).get() takes the record's id.",
  query: 'collection(name).query() takes an object of options.',
  resolve:
    'resolve() takes a conflict as conflicts() gives it, and for each of its fields ' +
    '{ take: "mine" }, { take: "theirs" } or { value }.',
  discard: "discard() takes the name of a collection and a record's id.",
  retry:
    'retry() takes a dead letter of a change as deadLetters() gives it; ' +
    'one of a call goes again with airflow.retry(id).',
  'discard-quarantined': 'discardQuarantined() takes the number of a row as quarantine() gives it.',
  history: 'history() takes { kinds, since, limit }.',
  call:
    'Calls of Airflow take names as texts, lists of texts for "chosen" and task ids, "conf" and ' +
    '"params" as objects of JSON, and a note of 1,000 characters at most.',
};
