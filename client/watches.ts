import type { Row, Rows } from '../shared/row.ts';
import { UpdraftError } from '../shared/errors.ts';
import type { Handlers } from './handlers.ts';
import { rowChanges, type RowChanges } from './row-changes.ts';

/** Rows of a watched query, with their difference from the rows told before. */
export interface Watched<T> extends RowChanges<T> {
  readonly rows: Rows<T>;
}

/** Listens to a watched query. `failed` hears why rows cannot be read; the watch goes on. */
export interface Watcher<T> {
  readonly next: (watched: Watched<T>) => void;
  readonly failed?: ((error: UpdraftError) => void) | undefined;
}

/** Failures that pass by themselves: the read is made again with the next status. */
const PASSING: readonly UpdraftError['kind'][] = [
  'timeout',
  'indexing',
  'storage',
  'storage-blocked',
];

type Read<T> = () => Promise<Rows<T>>;

/** The watched queries of a page: all watchers of a query share its reads. */
export class Watches {
  readonly #live = new Map<string, LiveQuery<unknown>>();
  readonly #on: Handlers['on'];

  constructor(on: Handlers['on']) {
    this.#on = on;
  }

  /** Watches a query, named by `key`, until the returned function is called. */
  watch<T>(collection: string, key: string, read: Read<T>, watcher: Watcher<T>): () => void {
    for (const call of [watcher.next, watcher.failed ?? guarded])
      if (typeof call !== 'function')
        throw new UpdraftError('bad-option', 'watch() needs functions to call with the rows.');
    const name = `${collection} ${key}`;
    const live =
      (this.#live.get(name) as LiveQuery<T> | undefined) ??
      new LiveQuery(collection, read, this.#on);
    this.#live.set(name, live as LiveQuery<unknown>);
    live.add(watcher);
    return () => {
      if (live.remove(watcher)) this.#live.delete(name);
    };
  }
}

/**
 * A query that is read again after each change of its collection. Reads never overlap, and a burst
 * of changes ends in a single further read, so that the last result told is never out of date.
 */
class LiveQuery<T> {
  readonly #read: Read<T>;
  /** The watchers, and whether each has been told its first rows. */
  readonly #watchers = new Map<Watcher<T>, boolean>();
  readonly #stops: (() => void)[];
  #rows: Rows<T> | undefined;
  #isReading = false;
  #isStale = false;
  #hasFailed = false;

  constructor(collection: string, read: Read<T>, on: Handlers['on']) {
    this.#read = read;
    this.#stops = [
      on('change', (change) => {
        if (change.collection === collection || change.collection === '*') void this.#refresh();
      }),
      on('declarations', () => void this.#refresh()),
      // A read that failed is made again as soon as the worker is heard of.
      on('status', () => this.#isStale && void this.#refresh()),
    ];
  }

  add(watcher: Watcher<T>): void {
    this.#watchers.set(watcher, false);
    if (!this.#rows) return void this.#refresh();
    queueMicrotask(() => {
      if (this.#rows && this.#watchers.get(watcher) === false) this.#tell(watcher, undefined);
    });
  }

  /** Removes a watcher; returns whether none is left, and reading has ended. */
  remove(watcher: Watcher<T>): boolean {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return false;
    for (const stop of this.#stops.splice(0)) stop();
    return true;
  }

  async #refresh(): Promise<void> {
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isStale && this.#watchers.size > 0) {
        this.#isStale = false;
        const before = this.#rows;
        this.#rows = await this.#read();
        for (const [watcher, isTold] of this.#watchers)
          this.#tell(watcher, isTold ? before : undefined);
        this.#hasFailed = false;
      }
    } catch (error) {
      this.#hasFailed = true;
      const failure = error as UpdraftError;
      this.#isStale = PASSING.includes(failure.kind);
      for (const { failed } of this.#watchers.keys()) guarded(() => failed?.(failure));
    } finally {
      this.#isReading = false;
    }
  }

  /**
   * Tells a watcher the first rows (`before`: undefined), and later rows only if they differ or a
   * failure was told before.
   */
  #tell(watcher: Watcher<T>, before: Rows<T> | undefined): void {
    const rows = this.#rows ?? [];
    this.#watchers.set(watcher, true);
    const changes = rowChanges(before ?? [], rows);
    const isNews = Object.values(changes).some((some: readonly Row<T>[]) => some.length > 0);
    if (isNews || !before || before.more !== rows.more || this.#hasFailed)
      guarded(() => watcher.next({ rows, ...changes }));
  }
}

/** Reports an error of the app's own function without disturbing the others. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    reportError(error);
  }
}
