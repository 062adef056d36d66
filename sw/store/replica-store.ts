import type { Dexie, Transaction } from 'dexie';
import * as v from 'valibot';
import type { Declarations } from '../../shared/collections.ts';
import type { HistoryEntry, HistoryFact, HistoryFilter } from '../../shared/history.ts';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { Query } from '../../shared/row.ts';
import type { Delivery } from '../outbox/delivery.ts';
import { MembersReader, NO_MEMBERS, type BatchMembers } from './batch-members.ts';
import { CallTable } from './call-table.ts';
import {
  type AnsweredRequest,
  type IndexedDb,
  isNewer,
  openDatabase,
  type SealedToken,
  type StoredRecord,
  TABLE_NAMES,
  tablesOf,
  type Tables,
} from './database.ts';
import { evict } from './evict.ts';
import { EventLog } from './event-log.ts';
import { appendHistory, readHistory } from './history-log.ts';
import { indexKeys, queryRange } from './indexes.ts';
import { moveToQuarantine, sound, type Poisoned } from './quarantine.ts';
import { absent, isForgettable, isSendable, type ReplicaRecord } from './record.ts';
import type { Replica } from './replica.ts';
import { RequestTable, type Answered } from './request-table.ts';
import { blockedError, newerError, storeFaultOf, toStoreError } from './store-errors.ts';
import { toStored, toRecord } from './stored-record.ts';

/** What the engine needs of the replica's store. */
export interface Store {
  readonly write: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly read: <T>(body: (tx: ReplicaTx) => Promise<T>) => Promise<T>;
  readonly destroy: () => Promise<void>;
}

/** A page that has no answer after 5 s asks again: it must be told before. */
const BLOCKED_MAX_MS = 4_000;
/** Chromium's LevelDB frees nothing until it compacts, and a deletion costs room at first: to go on would only empty the cache. */
const EVICTIONS_MAX = 4;

interface StoreOptions {
  /** ms since 1970; a label. */
  readonly now?: () => number;
  /** Another connection keeps the database from being opened, for too long. */
  readonly onBlocked?: () => void;
}

/** The only door to the replica. Reads and writes happen inside `read` or `write`: one transaction each, never across a network call (law 2). */
export class ReplicaStore implements Store {
  readonly #user: string;
  readonly #declarations: Declarations;
  readonly #indexedDb: IndexedDb | undefined;
  readonly #options: StoreOptions;
  #db: Dexie;
  #isOver = false;
  readonly #members = new MembersReader();
  /** Another connection keeps the request to open waiting; it is still there. */
  #isBlocked = false;
  /** What was let go has made no room here: nothing more is, as long as this worker runs. */
  #isEvictionVain = false;
  constructor(user: string, declarations: Declarations, indexedDb?: IndexedDb, options: StoreOptions = {}) {
    this.#user = user;
    this.#declarations = declarations;
    this.#indexedDb = indexedDb;
    this.#options = options;
    this.#db = openDatabase(user, indexedDb);
  }

  /**
   * One strict transaction: all of it or nothing; durable when it resolves. Only awaits of `tx` are allowed inside, and nothing else is touched:
   * the body runs again where the browser had closed the database, or had no room until cached records were let go.
   * Rejects with the kinds `storage-full`, `storage-blocked` and `storage`.
   */
  write<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#sturdy('rw', body);
  }

  read<T>(body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    return this.#sturdy('r', body);
  }

  async #sturdy<T>(mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    const db = this.#db;
    const reading = newReading();
    const result = await this.#attempt(mode, body, reading).catch((error: unknown) => {
      const fault = this.#isOver ? 'broken' : storeFaultOf(error, reading.hasBegun);
      if (fault === 'lost-connection') return this.#again(db, mode, body);
      if (fault === 'full' && mode === 'rw') return this.#withRoom(body, reading, error);
      throw toStoreError(error, reading.hasBegun);
    });
    if (reading.poisoned.length > 0) await this.#quarantine(reading.poisoned);
    return result;
  }

  /** Once, with a new connection. */
  async #again<T>(lost: Dexie, mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>): Promise<T> {
    if (this.#db === lost) {
      lost.close();
      this.#db = openDatabase(this.#user, this.#indexedDb);
    }
    const reading = newReading();
    try {
      return await this.#attempt(mode, body, reading);
    } catch (error) {
      throw toStoreError(error, reading.hasBegun);
    }
  }

  async #withRoom<T>(body: (tx: ReplicaTx) => Promise<T>, reading: Reading, full: unknown): Promise<T> {
    let error = full;
    for (let evictions = 0; !this.#isEvictionVain; evictions++) {
      try {
        const evicted = await this.#db.transaction('rw', TABLE_NAMES, (transaction: Transaction) => evict(tablesOf(transaction), reading.touched));
        if (evicted === 0) break;
        return await this.#attempt('rw', body, reading);
      } catch (again) {
        if (storeFaultOf(again) !== 'full') throw toStoreError(again);
        error = again;
        this.#isEvictionVain = evictions + 1 >= EVICTIONS_MAX;
      }
    }
    throw toStoreError(error);
  }

  async #attempt<T>(mode: 'r' | 'rw', body: (tx: ReplicaTx) => Promise<T>, reading: Reading): Promise<T> {
    if (!this.#db.isOpen()) await this.#open();
    return this.#db.transaction(mode, TABLE_NAMES, (transaction: Transaction) => {
      const tables = tablesOf(transaction);
      reading.hasBegun = true;
      return body(new ReplicaTx(tables, this.#declarations, reading, this.#members));
    });
  }

  /** Another connection may hold an older version: it is given some time to let go. What a newer version has written is not touched. */
  async #open(): Promise<void> {
    const db = this.#db;
    const version = db.verno;
    const open = db.open();
    await new Promise<void>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const waitForOthers = (): void => {
        this.#isBlocked = true;
        timer ??= setTimeout(() => {
          this.#options.onBlocked?.();
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
    if (!isNewer(db, version)) return;
    db.close({ disableAutoOpen: false });
    throw newerError();
  }

  /** After the transaction that met them, which is through whatever becomes of this one. Rows that stay where they are, on a full disk, are met again. */
  async #quarantine(poisoned: readonly Poisoned[]): Promise<void> {
    const move = (transaction: Transaction): Promise<void> => moveToQuarantine(tablesOf(transaction), poisoned, (this.#options.now ?? Date.now)());
    try {
      await this.#db.transaction('rw', TABLE_NAMES, move);
    } catch (error) {
      if (storeFaultOf(error) === 'none') throw error;
    }
  }

  close(): void {
    this.#isOver = true;
    this.#db.close();
  }

  /** Deletes the replica's database, which has been wiped. Where another connection keeps it, it goes when that one closes, and is empty meanwhile. */
  async destroy(): Promise<void> {
    this.#isOver = true;
    await new Promise<void>((resolve, reject) => {
      this.#db.on('blocked', () => resolve());
      this.#db.delete().then(resolve, reject);
    });
  }
}

const keyOf = (collection: string, id: string): string => `${collection}\n${id}`;

/** What one transaction has met. */
interface Reading {
  readonly poisoned: Poisoned[];
  /** The records it is about. */
  readonly touched: Set<string>;
  /** Until then whatever fails is the storage's failure. */
  hasBegun: boolean;
}

const newReading = (): Reading => ({ poisoned: [], touched: new Set(), hasBegun: false });

/** The browser has emptied the database while it was open. It is opened anew, and restored. */
export class EmptiedError extends Error {}

/** What can be done inside one transaction. */
export class ReplicaTx {
  readonly #tables: Tables;
  readonly #declarations: Declarations;
  readonly #reading: Reading;
  readonly #membersReader: MembersReader;
  /** As this transaction has read them. */
  #deliveries: Delivery[] | undefined;
  /** Queued Airflow operations. */
  readonly calls: CallTable;
  readonly #events: EventLog;
  readonly #requests: RequestTable;
  constructor(tables: Tables, declarations: Declarations, reading: Reading, membersReader: MembersReader) {
    this.#tables = tables;
    this.calls = new CallTable(tables.calls, tables.inputs, reading.poisoned);
    this.#events = new EventLog(tables.events, reading.poisoned);
    this.#requests = new RequestTable(tables.requests, reading.poisoned);
    this.#declarations = declarations;
    this.#reading = reading;
    this.#membersReader = membersReader;
  }

  /** The records of these rows; a row that makes no sense is as if it were not there. */
  async #recordsOf(rows: readonly StoredRecord[]): Promise<ReplicaRecord[]> {
    const members = rows.some(({ sendable }) => sendable !== undefined) ? await this.#members() : NO_MEMBERS;
    return sound('records', rows, this.#reading.poisoned).map((row) => toRecord(row, members));
  }

  async #members(): Promise<BatchMembers> {
    const onItsWay = (await this.deliveries()).find(({ batch }) => batch !== undefined);
    return (onItsWay && this.#membersReader.of(onItsWay)) ?? NO_MEMBERS;
  }

  /** The replica's row, if this database has one yet. */
  async findReplica(): Promise<Replica | undefined> {
    const row = await this.#tables.replica.get('replica');
    return sound('replica', row ? [row] : [], this.#reading.poisoned)[0];
  }
  /** The replica's row. It is made when the replica is opened; its absence means that the database was emptied behind our back. */
  async replica(): Promise<Replica> {
    const replica = await this.findReplica();
    if (!replica) throw new EmptiedError('the replica has no row: its database was emptied while it was open');
    return replica;
  }
  async putReplica(replica: Replica): Promise<void> {
    await this.#tables.replica.put({ ...replica, key: 'replica' });
  }

  async record(collection: string, id: string, generation: number): Promise<ReplicaRecord> {
    const [record] = await this.recordsOf([[collection, id]], generation);
    return record ?? absent(collection, id, generation);
  }
  /** Many at once, in the order asked for. */
  async recordsOf(keys: readonly (readonly [string, string])[], generation: number): Promise<ReplicaRecord[]> {
    const rows = await this.#tables.records.bulkGet(keys as [string, string][]);
    const found = await this.#recordsOf(rows.flatMap((row) => row ?? []));
    const byKey = new Map(found.map((record) => [keyOf(record.collection, record.id), record]));
    return keys.map(([collection, id]) => {
      this.#reading.touched.add(keyOf(collection, id));
      return byKey.get(keyOf(collection, id)) ?? absent(collection, id, generation);
    });
  }
  async putRecords(records: readonly ReplicaRecord[]): Promise<void> {
    const [forgotten, kept] = [records.filter(isForgettable), records.filter((record) => !isForgettable(record))];
    await this.#tables.records.bulkPut(kept.map((record) => toStored(record, indexKeys(record, this.#declarations), isSendable(record))));
    if (forgotten.length > 0) await this.#tables.records.bulkDelete(forgotten.map((record): [string, string] => [record.collection, record.id]));
  }

  /** Records whose change may travel, oldest capture first. */
  async sendable(limit: number): Promise<ReplicaRecord[]> {
    const { lastSendable } = await this.#members();
    const { records } = this.#tables;
    const freed = (await records.bulkGet(await this.#freed(limit))).flatMap((row) => row ?? []);
    const later = await records
      .where('sendable')
      .above(lastSendable)
      .limit(limit - freed.length)
      .toArray();
    return this.#recordsOf([...freed, ...later]);
  }
  async hasSendable(): Promise<boolean> {
    const { lastSendable } = await this.#members();
    const later = this.#tables.records.where('sendable').above(lastSendable).limit(1).count();
    return (await later) > 0 || (await this.#freed(1)).length > 0;
  }
  /** Changes older than the youngest of the batch on its way that may travel only now: a conflict was decided meanwhile. */
  async #freed(limit: number): Promise<[string, string][]> {
    const { lastSendable, size, has } = await this.#members();
    if (size === 0) return [];
    const keys = await this.#tables.records
      .where('sendable')
      .belowOrEqual(lastSendable)
      .limit(size + limit)
      .primaryKeys();
    return keys.filter(([collection, id]) => !has(collection, id)).slice(0, limit);
  }
  /** Records of the batch on its way: those that were written to since, and those whose rows stayed as they were. */
  async inBatch(): Promise<ReplicaRecord[]> {
    const { lastSendable, size } = await this.#members();
    const { records } = this.#tables;
    const written = await records.where('inBatch').equals(1).toArray();
    const left = size > written.length ? await records.where('sendable').belowOrEqual(lastSendable).toArray() : [];
    return (await this.#recordsOf([...written, ...left])).filter(({ sealed }) => sealed !== undefined);
  }
  async conflicted(): Promise<ReplicaRecord[]> {
    return this.#recordsOf(await this.#tables.records.orderBy('conflictId').toArray());
  }
  async withConflict(conflictId: string): Promise<ReplicaRecord | undefined> {
    const stored = await this.#tables.records.where('conflictId').equals(conflictId).first();
    return stored && (await this.#recordsOf([stored]))[0];
  }
  async rejected(): Promise<ReplicaRecord[]> {
    return this.#recordsOf(await this.#tables.records.where('rejected').equals(1).toArray());
  }
  async unsettled(): Promise<ReplicaRecord[]> {
    return this.#recordsOf(await this.#tables.records.where('unsettled').equals(1).toArray());
  }
  async counts(): Promise<{ unsent: number; pendingCalls: number; followedCalls: number; conflicts: number; deadLetters: number }> {
    const { records } = this.#tables;
    const [unsent, conflicts, rejected, calls] = await Promise.all([
      records.where('unsettled').equals(1).count(),
      records.orderBy('conflictId').count(),
      records.where('rejected').equals(1).count(),
      this.calls.counts(),
    ]);
    return { unsent, pendingCalls: calls.unsent, followedCalls: calls.followed, conflicts, deadLetters: rejected + calls.dead };
  }
  /** Rows that no page of the current re-read has confirmed. */
  async unverified(generation: number, limit: number): Promise<ReplicaRecord[]> {
    return this.#recordsOf(await this.#tables.records.where('generation').below(generation).limit(limit).toArray());
  }
  async query(collection: string, query: Query): Promise<ReplicaRecord[]> {
    const range = queryRange(collection, query);
    const rows = this.#tables.records.where(range.index).between(range.lower, range.upper, true, true);
    const ordered = query.order === 'descending' ? rows.reverse() : rows;
    // Deleted records stay as rows until they are forgotten; the page does not see them.
    const found = ordered.filter((row) => row.value !== null).limit(range.limit);
    return this.#recordsOf(await found.toArray());
  }

  async deliveries(): Promise<readonly Delivery[]> {
    this.#deliveries ??= this.#readable(sound('deliveries', await this.#tables.deliveries.toArray(), this.#reading.poisoned));
    return this.#deliveries;
  }
  #readable(deliveries: readonly Delivery[]): Delivery[] {
    return deliveries.filter((row) => {
      const isBatch = this.#membersReader.of(row) !== undefined;
      if (!isBatch) this.#reading.poisoned.push({ table: 'deliveries', row, why: 'its batch is none' });
      return isBatch;
    });
  }
  async putDelivery(delivery: Delivery): Promise<void> {
    this.#deliveries = undefined;
    await this.#tables.deliveries.put(delivery);
  }
  async deleteDelivery(deliveryId: string): Promise<void> {
    this.#deliveries = undefined;
    await this.#tables.deliveries.delete(deliveryId);
  }

  /** Appends to the bounded event log and returns the events with their cursors. */
  logEvents(events: readonly UpdraftEvent[]): Promise<LoggedEvent[]> {
    return this.#events.append(events);
  }
  cursor(): Promise<number> {
    return this.#events.cursor();
  }
  /** Events after the cursor; `complete` is false when there were more of them than can be read. */
  eventsAfter(cursor: number): Promise<{ events: LoggedEvent[]; complete: boolean }> {
    return this.#events.after(cursor);
  }

  /** Appends to the bounded log of the engine's work, in the same transaction as what it tells of. `at`: ms since 1970. */
  async appendHistory(at: number, facts: readonly HistoryFact[]): Promise<void> {
    await appendHistory(this.#tables.history, at, facts);
  }
  async history(filter: HistoryFilter): Promise<HistoryEntry[]> {
    return readHistory(this.#tables.history, filter, this.#reading.poisoned);
  }

  /** Whether the request was done, whatever it was answered. */
  async isAnswered(requestId: string): Promise<boolean> {
    return (await this.answer(requestId, v.unknown())) !== undefined;
  }
  /** What the request was answered; undefined: it was not done yet. `schema`: of such an answer. */
  async answer<T>(requestId: string, schema: v.GenericSchema<unknown, T>): Promise<Answered<T> | undefined> {
    return (await this.#requests.answers([requestId], schema))[0];
  }
  /** Many at once, in the order asked for. */
  answers<T>(requestIds: readonly string[], schema: v.GenericSchema<unknown, T>): Promise<(Answered<T> | undefined)[]> {
    return this.#requests.answers(requestIds, schema);
  }
  async putAnswer(requestId: string, at: number, answer: unknown): Promise<void> {
    await this.#requests.put([{ requestId, at, answer }]);
  }
  async putAnswers(rows: readonly AnsweredRequest[]): Promise<void> {
    await this.#requests.put(rows);
  }
  async pruneAnswers(now: number): Promise<void> {
    await this.#requests.prune(now);
  }
  /** The newest answers, for requests that may still be repeated. */
  newestAnswers(limit: number): Promise<AnsweredRequest[]> {
    return this.#requests.newest(limit);
  }

  /** Empties what the replica is made of; what only tells of it stays. */
  async empty(): Promise<void> {
    this.#deliveries = undefined;
    const { records, deliveries, replica, events, requests } = this.#tables;
    for (const table of [records, deliveries, replica, events, requests]) await table.clear();
  }

  /** Empties everything but the records with unsent changes, their deliveries, calls that are unsent or dead, and who the replica is. */
  async wipeSettled(): Promise<void> {
    const { records, calls, inputs, events, requests, secrets, history, quarantine, whole } = this.#tables;
    await records.filter((row) => row.unsettled === undefined).delete();
    await calls.filter((row) => row.turn === undefined && row.dead === undefined).delete();
    for (const table of [inputs, events, requests, secrets, history, quarantine]) await table.clear();
    await whole.put({ key: 'whole' });
  }

  /** Empties every table. */
  async wipe(): Promise<void> {
    this.#deliveries = undefined;
    for (const table of Object.values(this.#tables)) await table.clear();
  }

  /** Whether the replica holds everything that Airflow has for it. */
  async isWhole(): Promise<boolean> {
    return (await this.#tables.whole.count()) > 0;
  }
  async markWhole(): Promise<void> {
    await this.#tables.whole.put({ key: 'whole' });
  }
  async quarantined(): Promise<number> {
    return this.#tables.quarantine.count();
  }

  async sealedToken(): Promise<SealedToken | undefined> {
    return this.#tables.secrets.get('token');
  }
  async putSealedToken(token: SealedToken): Promise<void> {
    await this.#tables.secrets.put(token);
  }
  async deleteSealedToken(): Promise<void> {
    await this.#tables.secrets.delete('token');
  }
}
