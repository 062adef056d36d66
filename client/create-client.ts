import type { Conflict, Resolution } from '../shared/conflict.ts';
import type { UpdraftError } from '../shared/errors.ts';
import type { HistoryEntry, HistoryFilter } from '../shared/history.ts';
import { newId } from '../shared/ids.ts';
import type { QuarantinedRow } from '../shared/quarantine.ts';
import type { DeadLetter, MutationLetterName, OutboxEntry } from '../shared/row.ts';
import type { Status } from '../shared/status.ts';
import type { AirflowCalls } from './airflow.ts';
import { airflowCallsLater } from './airflow-later.ts';
import { createCollection, splitFields, type Collection } from './collection.ts';
import type { Events } from './events.ts';
import type { EventHandlers, EventName, Handlers } from './handlers.ts';
import { onlyOptions } from './only-options.ts';
import type { Settling } from './settling.ts';
import type { SignIn, SigningIn } from './signing-in.ts';
import { Watches } from './watches.ts';
import type { WorkerLink } from './worker-link.ts';

/** The page's side of Updraft. */
export interface Updraft<C extends Record<keyof C, { id: string }>> {
  collection: <N extends keyof C & string>(name: N) => Collection<C[N]>;
  /** Airflow's own operations, queued like changes. */
  airflow: AirflowCalls;
  /** Calls the handler for each event; returns the function that unsubscribes. */
  on: <N extends EventName>(name: N, handler: EventHandlers[N]) => () => void;
  /** Cursor of the newest event told. */
  cursor: () => string;
  status: () => Promise<Status>;
  /**
   * The bounded history of the engine's work, the newest first: plain JSON, without records and
   * credentials.
   */
  history: (filter?: HistoryFilter) => Promise<readonly HistoryEntry[]>;
  outbox: () => Promise<readonly OutboxEntry[]>;
  conflicts: () => Promise<readonly Conflict[]>;
  deadLetters: () => Promise<readonly DeadLetter[]>;
  /**
   * Decides a conflict that was shown. Rejects with `conflict-moved` when the other side changed
   * since.
   */
  resolve: (
    conflict: Pick<Conflict, 'id' | 'theirsRevision'>,
    choices: Resolution,
  ) => Promise<void>;
  /**
   * Gives up the unsent changes of a record; a dead letter nobody wants any more is discarded in
   * this way too.
   */
  discard: (collection: keyof C & string, id: string) => Promise<void>;
  /**
   * Sends a refused change again, unchanged or with these fields edited (`undefined` removes a
   * field). Rejects with `not-found` when the change is no longer refused.
   */
  retry: (letter: MutationLetterName, edit?: Readonly<Record<string, unknown>>) => Promise<void>;
  /** The dead letters as JSON text, with everything needed to enter the work elsewhere. */
  exportDeadLetters: () => Promise<string>;
  /**
   * Stored rows that could not be read, as found, in a form that JSON has. Their unsent changes are
   * among the dead letters too, as far as readable.
   */
  quarantine: () => Promise<readonly QuarantinedRow[]>;
  /** Discards such a row, with the unsent changes in the row. */
  discardQuarantined: (number: number) => Promise<void>;
  signIn: (how: SignIn) => Promise<void>;
  /**
   * `refuse` (the default) rejects with `unsent-work` while some work is not in Airflow yet; `keep`
   * leaves that work on this device; `discard` removes it.
   */
  signOut: (options?: { readonly unsent?: 'keep' | 'discard' | 'refuse' }) => Promise<void>;
  /** Replays and pulls now; resolves when nothing more can be done at this moment. */
  sync: () => Promise<Status>;
  /**
   * Resolves when nothing of this device is unsettled and no call waits to be sent: safe to hand
   * in.
   */
  whenSettled: () => Promise<void>;
  close: () => void;
}

const SYNC_TIMEOUT_MS = 120_000;

/** The parts of a client; where they meet the worker is theirs alone. */
export interface ClientParts {
  readonly link: WorkerLink;
  readonly settling: Settling;
  readonly signingIn: SigningIn;
  readonly handlers: Handlers;
  readonly events: Omit<Events, 'start'>;
}

/** Makes the page's side of its parts, whose events have started. */
export function createClient<C extends Record<keyof C, { id: string }>>({
  link,
  settling,
  signingIn,
  handlers,
  events,
}: ClientParts): Updraft<C> {
  const watches = new Watches(handlers.on);
  return {
    collection: (name) => createCollection(name, link, settling, watches),
    airflow: airflowCallsLater(link),
    on: handlers.on,
    cursor: events.cursor,
    status: () => link.ask({ type: 'status' }).then(events.newest),
    history: (filter = {}) => link.ask({ type: 'history', filter }),
    outbox: () => link.ask({ type: 'outbox' }),
    conflicts: () => link.ask({ type: 'conflicts' }),
    deadLetters: () => link.ask({ type: 'dead-letters' }),
    async resolve(conflict, choices) {
      const { id, theirsRevision } = Object(conflict) as typeof conflict;
      await link.ask({
        type: 'resolve',
        requestId: newId(),
        conflictId: id,
        theirsRevision,
        choices,
      });
    },
    async discard(collection, id) {
      await link.ask({ type: 'discard', requestId: newId(), collection, id });
    },
    async retry(named, edit) {
      const { kind, collection, id, quarantined } = Object(named) as typeof named;
      const letter = { kind, collection, id, ...(quarantined && { quarantined }) };
      await link.ask({ type: 'retry', requestId: newId(), letter, ...(edit && splitFields(edit)) });
    },
    exportDeadLetters: () => link.ask({ type: 'export-dead-letters' }),
    quarantine: () => link.ask({ type: 'quarantine' }),
    async discardQuarantined(number) {
      await link.ask({ type: 'discard-quarantined', requestId: newId(), number });
    },
    signIn: signingIn.signIn,
    async signOut(options) {
      onlyOptions('signOut', options, 'unsent');
      const { unsent = 'refuse' } = options ?? {};
      await link.ask({ type: 'sign-out', unsent });
    },
    sync: () => link.ask({ type: 'sync' }, SYNC_TIMEOUT_MS).then(events.newest),
    async whenSettled(...none: readonly unknown[]) {
      onlyOptions('whenSettled', none[0]);
      await whenSettled(link, handlers);
    },
    close: events.close,
  };
}

function whenSettled(link: WorkerLink, { on }: Pick<Handlers, 'on'>): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = ({ unsent, pendingCalls }: Status): void => {
      if (unsent + pendingCalls > 0) return;
      stop();
      resolve();
    };
    const stop = on('status', check);
    link.ask({ type: 'status' }).then(check, (error: UpdraftError) => {
      stop();
      reject(error);
    });
  });
}
