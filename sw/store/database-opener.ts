import type { Dexie } from 'dexie';
import { UpdraftError } from '../../shared/errors.ts';
import { isNewer } from './database.ts';
import { inspect } from './inspect.ts';
import { blockedError, foreignError, newerError } from './store-errors.ts';

/** The page's request times out after 5 s, so the error must be sent earlier. */
const BLOCKED_MAX_MS = 4_000;

/**
 * Opens a database if a replica is inside. A connection that holds an older version gets some time
 * to close. A database that a newer version has written stays untouched.
 */
export class DatabaseOpener {
  readonly #onBlocked: () => void;
  /** Whether a request to open still waits for another connection. */
  #isBlocked = false;
  readonly #factory: IDBFactory | undefined;
  #looked: Promise<void> | undefined;
  /** `onBlocked`: called when another connection has not closed in time. */
  constructor(onBlocked: () => void = () => undefined, factory?: IDBFactory) {
    this.#onBlocked = onBlocked;
    this.#factory = factory;
  }

  /**
   * Rejects with `storage-blocked` when another connection has not closed in time, with
   * `reload-needed` for a database of a newer version, with `storage` for another script's
   * database.
   */
  async open(db: Dexie): Promise<void> {
    const version = db.verno;
    await this.#refuseForeign(db.name);
    await this.#opened(db);
    if (!isNewer(db, version)) return;
    db.close({ disableAutoOpen: false });
    throw newerError();
  }

  /**
   * Inspects the database once: a second look would wait in line behind a blocked request to open.
   */
  #refuseForeign(name: string): Promise<void> {
    const look = async (): Promise<void> => {
      try {
        if ((await inspect(name, this.#factory))?.kind === 'foreign') throw foreignError(name);
      } catch (error) {
        this.#looked = undefined;
        if (error instanceof UpdraftError && error.kind === 'storage-blocked') this.#onBlocked();
        throw error;
      }
    };
    return (this.#looked ??= look());
  }

  async #opened(db: Dexie): Promise<void> {
    const open = db.open();
    await new Promise<void>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const waitForOthers = (): void => {
        this.#isBlocked = true;
        timer ??= setTimeout(() => {
          this.#onBlocked();
          reject(blockedError());
        }, BLOCKED_MAX_MS);
      };
      // The browser reports a block once for each request to open.
      if (this.#isBlocked) waitForOthers();
      db.on('blocked', waitForOthers);
      const end = (): void => {
        this.#isBlocked = false;
        clearTimeout(timer);
        db.on('blocked').unsubscribe(waitForOthers);
      };
      open.then(
        () => (end(), resolve()),
        (error: unknown) => (end(), reject(error)),
      );
    });
  }
}
