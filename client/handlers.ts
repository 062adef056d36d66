import type { Call } from '../shared/calls.ts';
import type { Conflict } from '../shared/conflict.ts';
import type { AuthReason, LoggedEvent } from '../shared/messages.ts';
import { UpdraftError } from '../shared/errors.ts';
import type { DeadLetter, Dropped, Settled } from '../shared/row.ts';
import type { Status, StorageLoss } from '../shared/status.ts';

/**
 * Events that an app can listen to. An empty list of ids in `change` means many or unknown: read
 * again.
 */
export interface EventHandlers {
  change: (change: { readonly collection: string; readonly ids: readonly string[] }) => void;
  status: (status: Status) => void;
  conflict: (conflict: Conflict) => void;
  settled: (settled: Settled) => void;
  dropped: (dropped: Dropped) => void;
  'auth-required': (required: { readonly reason: AuthReason }) => void;
  'dead-letter': (deadLetter: DeadLetter) => void;
  /** The browser has lost this user's database; `loss` tells how much was restored. */
  'storage-lost': (loss: StorageLoss) => void;
  /** The state of a queued Airflow call has changed. */
  call: (call: Call) => void;
  /** The list of tasks that wait for a person has changed. */
  'pending-inputs': (changed: object) => void;
  /** A new collections.json is in force: new collections, indexes, policies or rules. */
  declarations: (changed: { readonly collections: readonly string[] }) => void;
  /** Stored rows could not be read, and are kept in quarantine, neither read nor sent. */
  quarantined: (found: { readonly count: number }) => void;
  /**
   * The user has signed out, in this tab or another: drop everything shown. Unless unsent work was
   * `kept`, this connection is closed.
   */
  'signed-out': (left: { readonly kept: boolean }) => void;
  /**
   * Another tab keeps the database from being opened: ask the person to close or reload the app's
   * other tabs.
   */
  'storage-blocked': (told: object) => void;
}
export type EventName = keyof EventHandlers;

/** The handlers of a page. */
export interface Handlers {
  readonly on: <N extends EventName>(name: N, handler: EventHandlers[N]) => () => void;
  readonly status: (status: Status) => void;
  readonly signedOut: EventHandlers['signed-out'];
  readonly storageBlocked: () => void;
  /** Reports that everything may have changed, because some events are no longer known. */
  readonly readAgain: () => void;
  readonly event: (event: LoggedEvent) => void;
}

/**
 * Calls an app's handler. An error of the handler is reported to the app; neither the other
 * handlers nor the next events are affected.
 */
function guarded(handle: () => void): void {
  try {
    handle();
  } catch (error) {
    reportError(error);
  }
}

export function createHandlers(): Handlers {
  const set = <T>(): Set<T> => new Set();
  const handlers: { readonly [N in EventName]: Set<EventHandlers[N]> } = {
    change: set(),
    status: set(),
    conflict: set(),
    settled: set(),
    dropped: set(),
    'auth-required': set(),
    'dead-letter': set(),
    'storage-lost': set(),
    call: set(),
    'pending-inputs': set(),
    declarations: set(),
    quarantined: set(),
    'signed-out': set(),
    'storage-blocked': set(),
  };
  const call = <T>(set: Set<(value: T) => void>, value: T): void =>
    set.forEach((handler) => guarded(() => handler(value)));
  return {
    on(name, handler) {
      if (typeof handler !== 'function')
        throw new UpdraftError('bad-option', `on("${name}") needs a function to call.`);
      if (!Object.hasOwn(handlers, name))
        throw new UpdraftError(
          'bad-option',
          `There is no event "${name}". There are: ${Object.keys(handlers).join(', ')}.`,
        );
      handlers[name].add(handler);
      return () => handlers[name].delete(handler);
    },
    status: (status) => call(handlers.status, status),
    signedOut: (left) => call(handlers['signed-out'], left),
    storageBlocked: () => call(handlers['storage-blocked'], {}),
    readAgain: () => call(handlers.change, { collection: '*', ids: [] }),
    event(event) {
      switch (event.type) {
        case 'change':
          return call(handlers.change, event);
        case 'settled':
          return call(handlers.settled, event.settled);
        case 'dropped':
          return call(handlers.dropped, event.dropped);
        case 'conflict':
          return call(handlers.conflict, event.conflict);
        case 'dead-letter':
          return call(handlers['dead-letter'], event.deadLetter);
        case 'storage-lost':
          return call(handlers['storage-lost'], event.loss);
        case 'call':
          return call(handlers.call, event.call);
        case 'pending-inputs':
          return call(handlers['pending-inputs'], event);
        case 'declarations':
          return call(handlers.declarations, event);
        case 'quarantined':
          return call(handlers.quarantined, event);
        case 'auth-required':
          return call(handlers['auth-required'], { reason: event.reason });
      }
    },
  };
}
