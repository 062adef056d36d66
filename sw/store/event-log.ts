import type { Table } from 'dexie';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { EventGroup } from './database.ts';
import { lastNumber } from './numbered.ts';
import { sound, type Poisoned } from './quarantine.ts';

const EVENTS_KEPT_MAX = 1_000;

/** The bounded log of what pages are told, inside one transaction. */
export class EventLog {
  readonly #events: Table<EventGroup, number>;
  readonly #poisoned: Poisoned[];
  constructor(events: Table<EventGroup, number>, poisoned: Poisoned[]) {
    this.#events = events;
    this.#poisoned = poisoned;
  }

  /** Returns the events with their cursors. */
  async append(events: readonly UpdraftEvent[]): Promise<LoggedEvent[]> {
    if (events.length === 0) return [];
    const last = await this.cursor();
    const logged = events.map((event, index): LoggedEvent => ({ ...event, cursor: last + 1 + index }));
    const cursor = last + logged.length;
    await this.#events.put({ cursor, events: logged.slice(-EVENTS_KEPT_MAX) });
    const old = cursor - EVENTS_KEPT_MAX;
    if (old > 0) await this.#events.where('cursor').belowOrEqual(old).delete();
    return logged;
  }

  /** Of the newest event; 0: none. */
  async cursor(): Promise<number> {
    return lastNumber(this.#events);
  }

  /** Events after the cursor; `complete` is false when some of them are no longer kept, or make no sense. */
  async after(cursor: number): Promise<{ events: LoggedEvent[]; complete: boolean }> {
    const newest = await this.cursor();
    const groups = sound('events', await this.#events.where('cursor').above(cursor).toArray(), this.#poisoned);
    const events = groups.flatMap((group) => group.events).filter((event) => event.cursor > Math.max(cursor, newest - EVENTS_KEPT_MAX));
    return { events, complete: events.length === newest - cursor };
  }
}
