/**
 * Every way in which a page's request can fail. Expected outcomes are values; these errors are
 * thrown to the caller.
 */
export type ErrorKind =
  | 'unsupported' // the browser has no service worker, or the page is not a secure context
  | 'no-service-worker' // no worker is registered or active, or the worker does not run Updraft
  | 'reload-needed' // page and worker speak different versions
  | 'timeout' // the worker gave no answer, also after retries
  | 'bad-message' // the worker could not read the request
  | 'bad-option' // an argument is missing or makes no sense; nothing was done
  // collections.json is faulty or cannot be loaded: the worker does not start
  | 'bad-collections'
  | 'unknown-collection'
  | 'unknown-index'
  | 'bad-query' // options that are unknown, contradict each other, or say nothing without an index
  | 'indexing' // the index is being built; the client asks again by itself
  | 'not-json'
  | 'no-id'
  | 'too-large'
  | 'exists' // add() of an id that exists
  | 'not-found' // patch(), increment() or addTo() of an id that does not exist
  | 'not-a-number' // increment() of a field that holds no number
  | 'schema' // the record does not fit its schema; `path` names the place, as a JSON pointer
  | 'not-a-list' // addTo() or removeFrom() of a field that holds anything but a list of scalars
  | 'read-only' // the collection is written by Airflow alone
  | 'not-allowed' // an operation that this worker's configuration does not name
  | 'conflict-moved' // the other side changed again since the conflict was shown
  | 'bad-choice' // resolve() without a choice for each conflicting field
  | 'in-flight' // discard() of a change that may already be applied
  // the user has signed out and left unsent work here: nothing is captured until Airflow has
  // authenticated them again
  | 'signed-out'
  | 'unsent-work' // signOut({ unsent: 'refuse' }) with work left
  | 'storage-full' // no room left, even after cached records were evicted
  | 'storage-blocked' // another tab keeps the database from being upgraded
  | 'storage'; // the browser's database cannot be opened, read or written

/**
 * The error a caller gets: a `kind` to act on and a message with the event, the reason and the next
 * step.
 */
export class UpdraftError extends Error {
  readonly kind: ErrorKind;
  /** The place in the record, as a JSON pointer, where the kind is `schema`. */
  readonly path: string | undefined;
  constructor(kind: ErrorKind, message: string, path?: string) {
    super(message);
    this.name = 'UpdraftError';
    this.kind = kind;
    this.path = path;
  }
}

/** Marks code that no value can reach; the compiler proves it. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
