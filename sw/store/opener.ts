import type { Dexie } from 'dexie';
import { isNewer } from './database.ts';
import { blockedError, newerError } from './store-errors.ts';

/** A page that has no answer after 5 s asks again: it must be told before. */
const BLOCKED_MAX_MS = 4_000;

/** Opens databases. Another connection may hold an older version: it is given some time to let go. What a newer version has written is not touched. */
export class Opener {
  readonly #onBlocked: () => void;
  /** Another connection keeps the request to open waiting; it is still there. */
  #isBlocked = false;
  /** `onBlocked`: the time is over. */
  constructor(onBlocked: () => void = () => undefined) {
    this.#onBlocked = onBlocked;
  }

  /** Rejects with `storage-blocked` when the time is over, with `reload-needed` where a newer version has been. */
  async open(db: Dexie): Promise<void> {
    const version = db.verno;
    await this.#opened(db);
    if (!isNewer(db, version)) return;
    db.close({ disableAutoOpen: false });
    throw newerError();
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
      // The browser says it once for each request to open.
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
