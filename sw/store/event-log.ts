import type { Table } from 'dexie';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { Native } from './native.ts';
import { lastNumber } from './numbered.ts';
import { validRows } from './quarantine.ts';
import type { CacheView } from './read-cache.ts';
import type { EventGroup, CorruptRow } from './rows.ts';

const EVENTS_KEPT_MAX = 1_000;
/** Old events are deleted together, whenever this many have been logged. */
const DELETED_TOGETHER = 100;

const passes = (before: number, after: number): boolean =>
  Math.floor(before / DELETED_TOGETHER) < Math.floor(after / DELETED_TOGETHER);

/** The bounded log of the events told to pages, inside one transaction. */
export class EventLog {
  readonly #events: Table<EventGroup, number>;
  readonly #corrupt: CorruptRow[];
  readonly #cache: CacheView;
  readonly #native: Native;
  /** The cursor of the newest event, as last read or written by this transaction. */
  #cursor: Promise<number> | undefined;
  constructor(
    events: Table<EventGroup, number>,
    corrupt: CorruptRow[],
    cache: CacheView,
    native: Native,
  ) {
    this.#events = events;
    this.#corrupt = corrupt;
    this.#cache = cache;
    this.#native = native;
  }

  /** Appends events and returns each with its cursor. */
  async append(events: readonly UpdraftEvent[]): Promise<LoggedEvent[]> {
    if (events.length === 0) return [];
    const last = await this.cursor();
    const logged = events.map((event, index): LoggedEvent => ({
      ...event,
      cursor: last + 1 + index,
    }));
    const cursor = last + logged.length;
    const row = { cursor, events: logged.slice(-EVENTS_KEPT_MAX) };
    if (this.#cache.isReliedOn) this.#native.add('events', [row]);
    else this.#native.put('events', [row]);
    await this.#moved(cursor);
    const old = cursor - EVENTS_KEPT_MAX;
    // Not for each event: the events between are passed over when they are read.
    if (old > 0 && passes(cursor - logged.length, cursor))
      this.#native.also(this.#events.where('cursor').belowOrEqual(old).delete());
    return logged;
  }

  /** Returns the cursor of the newest event, or 0 if there is none. */
  async cursor(): Promise<number> {
    this.#cursor ??= this.#read();
    return this.#cursor;
  }
  async #read(): Promise<number> {
    const cached = await this.#cache.cached();
    return (cached.cursor ??= await lastNumber(this.#events));
  }
  async #moved(cursor: number | undefined): Promise<void> {
    this.#cursor = cursor === undefined ? undefined : Promise.resolve(cursor);
    const cached = await this.#cache.cached();
    cached.cursor = cursor;
    this.#cache.wrote();
  }
  async clear(): Promise<void> {
    await this.#moved(undefined);
    await this.#events.clear();
  }

  /**
   * Returns the events after the cursor. `complete` is false when some are corrupt or no longer
   * kept.
   */
  async after(cursor: number): Promise<{ events: LoggedEvent[]; complete: boolean }> {
    const newest = await this.cursor();
    const groups = validRows(
      'events',
      await this.#events.where('cursor').above(cursor).toArray(),
      this.#corrupt,
    );
    const events = groups
      .flatMap((group) => group.events)
      .filter((event) => event.cursor > Math.max(cursor, newest - EVENTS_KEPT_MAX));
    return { events, complete: events.length === newest - cursor };
  }
}
