import type { Table } from 'dexie';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import { lastNumber } from './numbered.ts';
import { validRows } from './quarantine.ts';
import type { Writes } from './writes.ts';
import type { EventGroup, CorruptRow } from './rows.ts';

const EVENTS_KEPT_MAX = 1_000;

/** The bounded log of the events told to pages, inside one transaction. */
export class EventLog {
  readonly #events: Table<EventGroup, number>;
  readonly #corrupt: CorruptRow[];
  readonly #writes: Writes;
  /** The cursor of the newest event, as last read or written by this transaction. */
  #cursor: Promise<number> | undefined;
  constructor(events: Table<EventGroup, number>, corrupt: CorruptRow[], writes: Writes) {
    this.#events = events;
    this.#corrupt = corrupt;
    this.#writes = writes;
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
    this.#writes.add(this.#events.put({ cursor, events: logged.slice(-EVENTS_KEPT_MAX) }));
    this.#cursor = Promise.resolve(cursor);
    const old = cursor - EVENTS_KEPT_MAX;
    if (old > 0) this.#writes.add(this.#events.where('cursor').belowOrEqual(old).delete());
    return logged;
  }

  /** Returns the cursor of the newest event, or 0 if there is none. */
  async cursor(): Promise<number> {
    this.#cursor ??= lastNumber(this.#events);
    return this.#cursor;
  }
  async clear(): Promise<void> {
    this.#cursor = undefined;
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
