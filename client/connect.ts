import type { Conflict, Resolution } from '../shared/conflict.ts';
import { UpdraftError } from '../shared/errors.ts';
import type { HistoryEntry, HistoryFilter } from '../shared/history.ts';
import { newId } from '../shared/ids.ts';
import type { DeadLetter, MutationLetterName, OutboxEntry } from '../shared/row.ts';
import type { Status } from '../shared/status.ts';
import type { AirflowCalls } from './airflow.ts';
import { airflowCallsLater } from './airflow-later.ts';
import { createCollection, splitFields, type Collection } from './collection.ts';
import type { ConnectOptions } from './connect-options.ts';
import { PageEvents } from './events.ts';
import { createHandlers, type EventHandlers, type EventName } from './handlers.ts';
import { createSettling } from './settling.ts';
import { activeWorker } from './active-worker.ts';
import { createWorkerLink } from './worker-link.ts';

/** Where the worker gets its right to speak to Airflow. `cookie`: the same-origin session cookie; else a token, asked for when needed. */
export type SignIn =
  | { readonly cookie: true }
  | { readonly getToken: () => Promise<string> | string; /** Keep it at rest, encrypted, so that a closed tab can replay. */ readonly keep?: boolean };

/** The page's side of Updraft. */
export interface Updraft<C extends Record<keyof C, { id: string }>> {
  collection: <N extends keyof C & string>(name: N) => Collection<C[N]>;
  /** Airflow's own operations, queued as changes are. */
  airflow: AirflowCalls;
  /** Calls the handler for each event; returns what stops it. */
  on: <N extends EventName>(name: N, handler: EventHandlers[N]) => () => void;
  /** Cursor of the newest event told. */
  cursor: () => string;
  status: () => Promise<Status>;
  /** The bounded log of what the engine did, the newest first: plain JSON, with neither records nor credentials in it. */
  history: (filter?: HistoryFilter) => Promise<readonly HistoryEntry[]>;
  outbox: () => Promise<readonly OutboxEntry[]>;
  conflicts: () => Promise<readonly Conflict[]>;
  deadLetters: () => Promise<readonly DeadLetter[]>;
  /** Decides a conflict that was shown. Rejects with `conflict-moved` when the other side changed since. */
  resolve: (conflict: Pick<Conflict, 'id' | 'theirsRevision'>, choices: Resolution) => Promise<void>;
  /** Gives up what was captured for a record and not sent; so does a dead letter end that nobody wants any more. */
  discard: (collection: keyof C & string, id: string) => Promise<void>;
  /** Lets what was refused travel again, as it was or with these fields changed (`undefined` removes one). Rejects with `not-found` when it is no longer refused. */
  retry: (letter: MutationLetterName, edit?: Readonly<Record<string, unknown>>) => Promise<void>;
  /** The dead letters as JSON text, with everything needed to enter them elsewhere. */
  exportDeadLetters: () => Promise<string>;
  signIn: (how: SignIn) => Promise<void>;
  /** `refuse` (the default) rejects with `unsent-work` while something is not in Airflow yet; `keep` leaves it on this device; `discard` does not. */
  signOut: (options?: { readonly unsent?: 'keep' | 'discard' | 'refuse' }) => Promise<void>;
  /** Replays and pulls now; resolves when nothing more can be done at this moment. */
  sync: () => Promise<Status>;
  /** Resolves when nothing of this device is unsettled and no call waits to be sent: safe to hand in. */
  whenSettled: () => Promise<void>;
  close: () => void;
}

const SYNC_TIMEOUT_MS = 120_000;

/** Connects this page to the worker. Rejects with `unsupported` or `no-service-worker`. Works signed out and offline. */
export async function connect<C extends Record<keyof C, { id: string }> = Record<string, { id: string }>>(options: ConnectOptions): Promise<Updraft<C>> {
  const registration = await activeWorker(options);
  const link = createWorkerLink(() => registration.active ?? registration.installing, options.user);
  const settling = createSettling();
  let getToken: (() => Promise<string> | string) | undefined;
  let keep = false;
  const signInWithToken = async (): Promise<void> => {
    if (getToken) await link.ask({ type: 'sign-in', credentials: { kind: keep ? 'sealed' : 'memory', token: await getToken() } });
  };
  const handlers = createHandlers();
  const events = new PageEvents(link, settling, handlers, {
    ...options,
    onTokenMissing: () => void signInWithToken().catch(() => undefined),
    headers: async (): Promise<Record<string, string>> => (getToken ? { authorization: `Bearer ${await getToken()}` } : {}),
  });
  handlers.on('signed-out', () => (getToken = undefined));
  await events.start();
  // Asked here, since a worker may not; the status tells what came of it.
  void navigator.storage?.persist?.();
  return {
    collection: (name) => createCollection(name, link, settling),
    airflow: airflowCallsLater(link),
    on: handlers.on,
    cursor: events.cursor,
    status: () => link.ask({ type: 'status' }),
    history: (filter = {}) => link.ask({ type: 'history', filter }),
    outbox: () => link.ask({ type: 'outbox' }),
    conflicts: () => link.ask({ type: 'conflicts' }),
    deadLetters: () => link.ask({ type: 'dead-letters' }),
    async resolve({ id, theirsRevision }, choices) {
      await link.ask({ type: 'resolve', requestId: newId(), conflictId: id, theirsRevision, choices });
    },
    async discard(collection, id) {
      await link.ask({ type: 'discard', requestId: newId(), collection, id });
    },
    async retry({ kind, collection, id }, edit) {
      await link.ask({ type: 'retry', requestId: newId(), letter: { kind, collection, id }, ...(edit && splitFields(edit)) });
    },
    exportDeadLetters: () => link.ask({ type: 'export-dead-letters' }),
    async signIn(how) {
      getToken = 'getToken' in how ? how.getToken : undefined;
      keep = 'keep' in how && (how.keep ?? false);
      if (getToken) await signInWithToken();
      else await link.ask({ type: 'sign-in', credentials: { kind: 'cookie' } });
    },
    async signOut({ unsent = 'refuse' } = {}) {
      await link.ask({ type: 'sign-out', unsent });
    },
    sync: () => link.ask({ type: 'sync' }, SYNC_TIMEOUT_MS),
    whenSettled: () =>
      new Promise((resolve, reject) => {
        const check = ({ unsent, pendingCalls }: Status): void => {
          if (unsent + pendingCalls > 0) return;
          stop();
          resolve();
        };
        const stop = handlers.on('status', check);
        link.ask({ type: 'status' }).then(check, (error: unknown) => {
          stop();
          reject(error instanceof Error ? error : new UpdraftError('closed', String(error)));
        });
      }),
    close: events.close,
  };
}
