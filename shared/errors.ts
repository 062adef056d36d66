/** Every way a request of a page can fail. Expected outcomes are values; these are told to the caller. */
export type ErrorKind =
  | 'unsupported' // the browser has no service worker, or the page is not a secure context
  | 'no-service-worker' // none is registered or active, or it does not run Updraft
  | 'reload-needed' // page and worker speak different versions
  | 'timeout' // the worker gave no answer, also after retries
  | 'closed' // this connection was closed
  | 'bad-message' // the worker could not read the request
  | 'unknown-collection'
  | 'unknown-index'
  | 'not-json'
  | 'no-id'
  | 'too-large'
  | 'exists' // add() of an id that is there
  | 'not-found' // patch() or increment() of an id that is not there
  | 'not-a-number' // increment() of a field that holds something else
  | 'read-only' // the collection is written by Airflow alone
  | 'not-allowed' // an operation that this worker's configuration does not name
  | 'conflict-moved' // the other side changed again since the conflict was shown
  | 'bad-choice' // resolve() without a choice for each conflicting field
  | 'in-flight' // discard() of what may already be applied
  | 'signed-out' // a record that a user left here unsent and signed out
  | 'unsent-work' // signOut({ unsent: 'refuse' }) with work left
  | 'storage-full' // no room left, also after cached records were let go
  | 'storage-blocked' // another tab keeps the database from being upgraded
  | 'storage'; // the browser's database cannot be opened, read or written

/** What a caller sees: a `kind` to act on and a message that says what happened, why, and what to do next. */
export class UpdraftError extends Error {
  readonly kind: ErrorKind;
  constructor(kind: ErrorKind, message: string) {
    super(message);
    this.name = 'UpdraftError';
    this.kind = kind;
  }
}

/** Marks code that no value can reach; the compiler proves it. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
