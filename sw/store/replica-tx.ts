import * as v from 'valibot';
import type { HistoryEntry, HistoryFact, HistoryFilter } from '../../shared/history.ts';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { Query } from '../../shared/row.ts';
import type { Delivery } from '../state/delivery.ts';
import type { MembersReader } from './batch-members.ts';
import { CallTable } from './call-table.ts';
import { TABLE_NAMES } from './database.ts';
import { DeliveryTable } from './delivery-table.ts';
import { EventLog } from './event-log.ts';
import type { HeadRows } from './head-rows.ts';
import { HistoryLog } from './history-log.ts';
import type { CacheView } from './read-cache.ts';
import { EmptiedError, ReplicaRow } from './replica-row.ts';
import { QuarantineRows } from './quarantine-rows.ts';
import type { TxFindings } from './tx-findings.ts';
import type { Indexes } from './indexes.ts';
import { RecordTable, type QueryResult } from './record-table.ts';
import { absent, type ReplicaRecord } from '../record/record.ts';
import type { Replica } from '../state/replica.ts';
import { RequestTable, type Answered } from './request-table.ts';
import { wipeSettled } from './wipe-settled.ts';
import type { BoundTables } from './native.ts';
import type { AnsweredRequest, SealedToken } from './rows.ts';

export { EmptiedError };

/** All operations on a replica inside one transaction. */
export class ReplicaTx {
  readonly #tables: BoundTables;
  readonly #cache: CacheView;
  readonly #records: RecordTable;
  readonly #deliveries: DeliveryTable;
  /** Queued Airflow operations. */
  readonly calls: CallTable;
  /** Corrupt rows. */
  readonly quarantine: QuarantineRows;
  readonly #events: EventLog;
  readonly #requests: RequestTable;
  readonly #history: HistoryLog;
  readonly #corrupt: TxFindings['corrupt'];
  readonly #replica: ReplicaRow;
  constructor(
    tables: BoundTables,
    indexes: Indexes,
    findings: TxFindings,
    membersReader: MembersReader,
    head: HeadRows,
    cache: CacheView,
  ) {
    this.#tables = tables;
    this.#cache = cache;
    const { corrupt } = findings;
    this.#corrupt = corrupt;
    const { native } = tables;
    this.#replica = new ReplicaRow(tables, head, corrupt);
    this.#deliveries = new DeliveryTable(tables.deliveries, corrupt, membersReader, cache, native);
    this.#records = new RecordTable(
      tables.records,
      this.#deliveries,
      indexes,
      findings,
      cache,
      native,
    );
    this.quarantine = new QuarantineRows(tables.quarantine);
    this.calls = new CallTable(tables.calls, tables.inputs, corrupt);
    this.#events = new EventLog(tables.events, corrupt, cache, native);
    this.#history = new HistoryLog(tables.history, corrupt, native);
    this.#requests = new RequestTable(tables.requests, corrupt, native);
  }

  /**
   * Reads nothing that this worker knows from its last transaction, as long as the stamp says that
   * nobody has written since. A row that a script has written meanwhile makes the transaction abort
   * with an error that `isTaken` tells. Call before everything else.
   */
  rely(): void {
    this.#cache.rely();
  }

  /** Whether a row read in this transaction is damaged: the row is moved after the transaction. */
  get foundCorrupt(): boolean {
    return this.#corrupt.length > 0;
  }

  /** Returns the replica's row, if this database has one yet. */
  findReplica(): Promise<Replica | undefined> {
    return this.#replica.find();
  }
  /**
   * Returns the replica's row, made when the replica was opened. Throws `EmptiedError` where the
   * row is missing: the browser has emptied the database since.
   */
  replica(): Promise<Replica> {
    return this.#replica.get();
  }
  async putReplica(replica: Replica): Promise<void> {
    this.#replica.put(replica);
  }

  async record(collection: string, id: string, generation: number): Promise<ReplicaRecord> {
    const [record] = await this.recordsOf([[collection, id]], generation);
    return record ?? absent(collection, id, generation);
  }
  /** Returns many records in the requested order. */
  recordsOf(
    keys: readonly (readonly [string, string])[],
    generation: number,
  ): Promise<ReplicaRecord[]> {
    return this.#records.get(keys, generation);
  }
  putRecords(records: readonly ReplicaRecord[]): Promise<void> {
    return this.#records.put(records);
  }
  /** Returns sendable records, oldest capture first. */
  sendable(limit: number): Promise<ReplicaRecord[]> {
    return this.#records.sendable(limit);
  }
  hasSendable(): Promise<boolean> {
    return this.#records.hasSendable();
  }
  /**
   * Returns the records of the in-flight batch, with rows rewritten since sealing or as captured.
   */
  inBatch(): Promise<ReplicaRecord[]> {
    return this.#records.inBatch();
  }
  conflicted(): Promise<ReplicaRecord[]> {
    return this.#records.conflicted();
  }
  withConflict(conflictId: string): Promise<ReplicaRecord | undefined> {
    return this.#records.withConflict(conflictId);
  }
  /** Refused changes and drafts. */
  rejected(): Promise<ReplicaRecord[]> {
    return this.#records.rejected();
  }
  unsettled(): Promise<ReplicaRecord[]> {
    return this.#records.unsettled();
  }
  /** Returns records that no page of the current re-read has confirmed. */
  unverified(generation: number, limit: number): Promise<ReplicaRecord[]> {
    return this.#records.unverified(generation, limit);
  }
  query(collection: string, query: Query): Promise<QueryResult> {
    return this.#records.query(collection, query);
  }
  /**
   * Whether the indexes of the collection hold all its rows. Keys are made when a row is written,
   * by the declaration of that time.
   */
  isIndexed(collection: string): Promise<boolean> {
    return this.#records.isIndexed(collection);
  }
  /**
   * Makes the keys of at most `rowsMax` rows by the current declarations; resolves to whether all
   * rows have such keys.
   */
  indexAnew(rowsMax: number): Promise<boolean> {
    return this.#records.indexAnew(rowsMax);
  }
  async counts(): Promise<{
    unsent: number;
    pendingCalls: number;
    followedCalls: number;
    conflicts: number;
    deadLetters: number;
    drafts?: number;
  }> {
    const [{ unsent, conflicts, rejected, drafts }, calls] = await Promise.all([
      this.#records.counts(),
      this.calls.counts(),
    ]);
    return {
      unsent,
      pendingCalls: calls.unsent,
      followedCalls: calls.followed,
      conflicts,
      deadLetters: rejected + calls.dead,
      ...(drafts > 0 ? { drafts } : {}),
    };
  }

  /** Counts the unsettled records. */
  async unsent(): Promise<number> {
    return (await this.#records.counts()).unsent;
  }

  deliveries(): Promise<readonly Delivery[]> {
    return this.#deliveries.all();
  }
  putDelivery(delivery: Delivery): Promise<void> {
    return this.#deliveries.put(delivery);
  }
  deleteDelivery(deliveryId: string): Promise<void> {
    return this.#deliveries.delete(deliveryId);
  }

  /** Appends to the bounded event log and returns the events with their cursors. */
  logEvents(events: readonly UpdraftEvent[]): Promise<LoggedEvent[]> {
    return this.#events.append(events);
  }
  cursor(): Promise<number> {
    return this.#events.cursor();
  }
  /**
   * Returns the events after the cursor. `complete` is false when some are corrupt or no longer
   * kept.
   */
  eventsAfter(cursor: number): Promise<{ events: LoggedEvent[]; complete: boolean }> {
    return this.#events.after(cursor);
  }

  /**
   * Appends to the bounded log of the engine's work, in the transaction of the change itself. `at`:
   * ms since 1970.
   */
  async appendHistory(at: number, facts: readonly HistoryFact[]): Promise<void> {
    this.#history.append(at, facts);
  }
  history(filter: HistoryFilter): Promise<HistoryEntry[]> {
    return this.#history.read(filter);
  }

  /** Whether the request was done, with any answer. */
  async isAnswered(requestId: string): Promise<boolean> {
    return (await this.answer(requestId, v.unknown())) !== undefined;
  }
  /**
   * Returns the request's answer, or undefined if the request was not done yet. `schema`: the
   * answer's.
   */
  async answer<T>(
    requestId: string,
    schema: v.GenericSchema<unknown, T>,
  ): Promise<Answered<T> | undefined> {
    return (await this.#requests.answers([requestId], schema))[0];
  }
  /** Returns many answers in the requested order. */
  answers<T>(
    requestIds: readonly string[],
    schema: v.GenericSchema<unknown, T>,
  ): Promise<(Answered<T> | undefined)[]> {
    return this.#requests.answers(requestIds, schema);
  }
  async putAnswer(requestId: string, at: number, answer: unknown): Promise<void> {
    await this.#requests.put([{ requestId, at, answer }]);
  }
  async putAnswers(rows: readonly AnsweredRequest[]): Promise<void> {
    await this.#requests.put(rows);
  }
  /** Stores answers to requests that were not done before (`rely`). */
  async addAnswers(rows: readonly AnsweredRequest[]): Promise<void> {
    await this.#requests.add(rows);
  }
  async pruneAnswers(now: number): Promise<void> {
    await this.#requests.prune(now);
  }
  /** Returns the newest answers, for requests that may still be repeated. */
  newestAnswers(limit: number): Promise<AnsweredRequest[]> {
    return this.#requests.newest(limit);
  }

  /** Empties the tables of the replica itself. History, tokens and quarantine stay. */
  async empty(): Promise<void> {
    const { requests } = this.#tables;
    for (const table of [this.#records, this.#deliveries, this.#replica, this.#events, requests])
      await table.clear();
  }

  /** Empties everything that is settled (`wipe-settled.ts`). */
  async wipeSettled(): Promise<void> {
    this.#cache.invalidate();
    await wipeSettled(this.#tables, this.#events);
  }

  /** Empties every table. */
  async wipe(): Promise<void> {
    for (const table of [
      ...TABLE_NAMES.map((name) => this.#tables[name]),
      this.#replica,
      this.#records,
      this.#deliveries,
      this.#events,
    ])
      await table.clear();
  }

  /** Whether the replica holds everything that Airflow has for this user. */
  async isWhole(): Promise<boolean> {
    return (await this.#tables.whole.count()) > 0;
  }
  async markWhole(): Promise<void> {
    await this.#tables.whole.put({ key: 'whole' });
  }

  /** Writes the history and the stamp, then commits; called last. */
  async end(): Promise<void> {
    await Promise.all([this.#history.write(), this.#cache.writeStamp(this.#tables)]);
    await this.#tables.native.commit();
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
