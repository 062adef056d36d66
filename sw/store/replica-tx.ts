import * as v from 'valibot';
import type { Declarations } from '../../shared/collections.ts';
import type { HistoryEntry, HistoryFact, HistoryFilter } from '../../shared/history.ts';
import type { LoggedEvent, UpdraftEvent } from '../../shared/messages.ts';
import type { Query } from '../../shared/row.ts';
import type { Delivery } from '../outbox/delivery.ts';
import type { MembersReader } from './batch-members.ts';
import { CallTable } from './call-table.ts';
import type { AnsweredRequest, BoundTables, SealedToken } from './database.ts';
import { DeliveryTable } from './delivery-table.ts';
import { EventLog } from './event-log.ts';
import { appendHistory, readHistory, type Dated } from './history-log.ts';
import type { Knowledge } from './known.ts';
import { sound } from './quarantine.ts';
import type { Reading } from './reading.ts';
import { RecordTable } from './record-table.ts';
import { absent, type ReplicaRecord } from './record.ts';
import type { Replica } from './replica.ts';
import { RequestTable, type Answered } from './request-table.ts';
import { lastNumber } from './numbered.ts';
import { Writes } from './writes.ts';

/** The browser has emptied the database while it was open. It is opened anew, and restored. */
export class EmptiedError extends Error {}

/** What can be done inside one transaction. */
export class ReplicaTx {
  readonly #tables: BoundTables;
  readonly #knowledge: Knowledge;
  readonly #reading: Reading;
  readonly #records: RecordTable;
  readonly #deliveries: DeliveryTable;
  /** Queued Airflow operations. */
  readonly calls: CallTable;
  readonly #events: EventLog;
  readonly #requests: RequestTable;
  /** What the log will be told. */
  #facts: Dated[] = [];
  #lastFact: Promise<number> | undefined;
  readonly #writes = new Writes();
  /** As this transaction has read it, or written it since. */
  #replica: Replica | undefined;
  constructor(tables: BoundTables, declarations: Declarations, reading: Reading, membersReader: MembersReader, knowledge: Knowledge) {
    this.#tables = tables;
    this.#knowledge = knowledge;
    this.#reading = reading;
    this.#deliveries = new DeliveryTable(tables.deliveries, reading.poisoned, membersReader, knowledge, this.#writes);
    this.#records = new RecordTable(tables.records, this.#deliveries, declarations, reading, knowledge, this.#writes);
    this.calls = new CallTable(tables.calls, tables.inputs, reading.poisoned);
    this.#events = new EventLog(tables.events, reading.poisoned, this.#writes);
    this.#requests = new RequestTable(tables.requests, reading.poisoned);
  }

  /** The replica's row, if this database has one yet. */
  async findReplica(): Promise<Replica | undefined> {
    if (this.#replica) return this.#replica;
    // Nearly every transaction needs both.
    const [row] = await Promise.all([this.#tables.replica.get('replica'), this.#knowledge.learnt()]);
    this.#replica ??= sound('replica', row ? [row] : [], this.#reading.poisoned)[0];
    return this.#replica;
  }
  /** The replica's row. It is made when the replica is opened; its absence means that the database was emptied behind our back. */
  async replica(): Promise<Replica> {
    const replica = await this.findReplica();
    if (!replica) throw new EmptiedError('the replica has no row: its database was emptied while it was open');
    return replica;
  }
  async putReplica(replica: Replica): Promise<void> {
    this.#replica = replica;
    this.#writes.add(this.#tables.replica.put({ ...replica, key: 'replica' }));
  }

  async record(collection: string, id: string, generation: number): Promise<ReplicaRecord> {
    const [record] = await this.recordsOf([[collection, id]], generation);
    return record ?? absent(collection, id, generation);
  }
  /** Many at once, in the order asked for. */
  recordsOf(keys: readonly (readonly [string, string])[], generation: number): Promise<ReplicaRecord[]> {
    return this.#records.get(keys, generation);
  }
  putRecords(records: readonly ReplicaRecord[]): Promise<void> {
    return this.#records.put(records);
  }
  /** Records whose change may travel, oldest capture first. */
  sendable(limit: number): Promise<ReplicaRecord[]> {
    return this.#records.sendable(limit);
  }
  hasSendable(): Promise<boolean> {
    return this.#records.hasSendable();
  }
  /** Records of the batch on its way: those that were written to since, and those whose rows stayed as they were. */
  inBatch(): Promise<ReplicaRecord[]> {
    return this.#records.inBatch();
  }
  conflicted(): Promise<ReplicaRecord[]> {
    return this.#records.conflicted();
  }
  withConflict(conflictId: string): Promise<ReplicaRecord | undefined> {
    return this.#records.withConflict(conflictId);
  }
  rejected(): Promise<ReplicaRecord[]> {
    return this.#records.rejected();
  }
  unsettled(): Promise<ReplicaRecord[]> {
    return this.#records.unsettled();
  }
  /** Rows that no page of the current re-read has confirmed. */
  unverified(generation: number, limit: number): Promise<ReplicaRecord[]> {
    return this.#records.unverified(generation, limit);
  }
  query(collection: string, query: Query): Promise<ReplicaRecord[]> {
    return this.#records.query(collection, query);
  }
  async counts(): Promise<{ unsent: number; pendingCalls: number; followedCalls: number; conflicts: number; deadLetters: number }> {
    const [{ unsent, conflicts, rejected }, calls] = await Promise.all([this.#records.counts(), this.calls.counts()]);
    return { unsent, pendingCalls: calls.unsent, followedCalls: calls.followed, conflicts, deadLetters: rejected + calls.dead };
  }

  /** Records that are unsettled. */
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
  /** Events after the cursor; `complete` is false when there were more of them than can be read. */
  eventsAfter(cursor: number): Promise<{ events: LoggedEvent[]; complete: boolean }> {
    return this.#events.after(cursor);
  }

  /** Appends to the bounded log of the engine's work, in the same transaction as what it tells of. `at`: ms since 1970. */
  async appendHistory(at: number, facts: readonly HistoryFact[]): Promise<void> {
    if (facts.length === 0) return;
    // Asked for before the writes that are to come, it does not wait behind them.
    this.#lastFact ??= lastNumber(this.#tables.history);
    this.#lastFact.catch(() => undefined);
    this.#facts.push(...facts.map((fact) => ({ ...fact, at })));
  }
  async #writeHistory(): Promise<void> {
    if (!this.#lastFact) return;
    appendHistory(this.#tables.history, await this.#lastFact, this.#facts, this.#writes);
    [this.#facts, this.#lastFact] = [[], undefined];
  }
  async history(filter: HistoryFilter): Promise<HistoryEntry[]> {
    await this.#writeHistory();
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
    this.#replica = undefined;
    const { replica, requests } = this.#tables;
    for (const table of [this.#records, this.#deliveries, replica, this.#events, requests]) await table.clear();
  }

  /** Empties everything but the records with unsent changes, their deliveries, calls that are unsent or dead, and who the replica is. */
  async wipeSettled(): Promise<void> {
    const { records, calls, inputs, requests, secrets, history, quarantine, whole } = this.#tables;
    this.#knowledge.wroteUnseen();
    await records.filter((row) => row.unsettled === undefined).delete();
    await calls.filter((row) => row.turn === undefined && row.dead === undefined).delete();
    for (const table of [inputs, this.#events, requests, secrets, history, quarantine]) await table.clear();
    await whole.put({ key: 'whole' });
  }

  /** Empties every table. */
  async wipe(): Promise<void> {
    this.#replica = undefined;
    for (const table of [...Object.values(this.#tables), this.#records, this.#deliveries, this.#events]) await table.clear();
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

  /** What is written once, after everything else. */
  async end(): Promise<void> {
    await Promise.all([this.#writeHistory(), this.#knowledge.sign()]);
    await this.#writes.done();
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
