import type { Table } from 'dexie';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { EventGroup } from './database.ts';
import { lastNumber } from './numbered.ts';
import { sound, type Poisoned } from './quarantine.ts';
import type { Writes } from './writes.ts';

const EVENTS_KEPT_MAX = 1_000;

/** The bounded log of what pages are told, inside one transaction. */
export class EventLog {
  readonly #events: Table<EventGroup, number>;
  readonly #poisoned: Poisoned[];
  readonly #writes: Writes;
  /** Of the newest event, as this transaction has read it, or written it since. */
  #cursor: Promise<number> | undefined;
  constructor(events: Table<EventGroup, number>, poisoned: Poisoned[], writes: Writes) {
    this.#events = events;
    this.#poisoned = poisoned;
    this.#writes = writes;
  }

  /** Returns the events with their cursors. */
  async append(events: readonly UpdraftEvent[]): Promise<LoggedEvent[]> {
    if (events.length === 0) return [];
    const last = await this.cursor();
    const logged = events.map((event, index): LoggedEvent => ({ ...event, cursor: last + 1 + index }));
    const cursor = last + logged.length;
    this.#writes.add(this.#events.put({ cursor, events: logged.slice(-EVENTS_KEPT_MAX) }));
    this.#cursor = Promise.resolve(cursor);
    const old = cursor - EVENTS_KEPT_MAX;
    if (old > 0) this.#writes.add(this.#events.where('cursor').belowOrEqual(old).delete());
    return logged;
  }

  /** Of the newest event; 0: none. */
  async cursor(): Promise<number> {
    this.#cursor ??= lastNumber(this.#events);
    return this.#cursor;
  }
  async clear(): Promise<void> {
    this.#cursor = undefined;
    await this.#events.clear();
  }

  /** Events after the cursor; `complete` is false when some of them are no longer kept, or make no sense. */
  async after(cursor: number): Promise<{ events: LoggedEvent[]; complete: boolean }> {
    const newest = await this.cursor();
    const groups = sound('events', await this.#events.where('cursor').above(cursor).toArray(), this.#poisoned);
    const events = groups.flatMap((group) => group.events).filter((event) => event.cursor > Math.max(cursor, newest - EVENTS_KEPT_MAX));
    return { events, complete: events.length === newest - cursor };
  }
}
