import { Dexie, type Table } from 'dexie';
import type { PendingInput } from '../../shared/calls.ts';
import type { StoredCall } from '../calls/call.ts';
import { sound, type Poisoned } from './quarantine.ts';
import { keysOfCall } from './stored-call.ts';

/** A call with the keys it is found by; an absent key keeps it out of that index. */
export interface CallRow extends StoredCall {
  /** Its turn, while Airflow does not have it. */
  readonly turn?: readonly [lane: string, seq: number];
  readonly followed?: 1;
  readonly dead?: 1;
  /** ms since 1970 */
  readonly settledAt?: number;
}

/** What Airflow last said about the tasks that wait for a person: one row. */
export interface InputsRow {
  readonly key: 'pending';
  /** ms since 1970 */
  readonly seenAt: number;
  readonly inputs: readonly PendingInput[];
}

export const CALL_STORES = { calls: 'id, turn, followed, dead, settledAt', inputs: 'key' } as const;

/** The queued calls of a replica, inside one transaction. */
export class CallTable {
  readonly #calls: Table<CallRow, string>;
  readonly #inputs: Table<InputsRow, string>;
  readonly #poisoned: Poisoned[];
  constructor(calls: Table<CallRow, string>, inputs: Table<InputsRow, string>, poisoned: Poisoned[]) {
    this.#calls = calls;
    this.#inputs = inputs;
    this.#poisoned = poisoned;
  }

  /** A row that makes no sense is as if it were not there. */
  readonly #isSound = (row: CallRow): boolean => sound('calls', [row], this.#poisoned).length > 0;

  async get(id: string): Promise<StoredCall | undefined> {
    const row = await this.#calls.get(id);
    return row && this.#isSound(row) ? toCall(row) : undefined;
  }
  async put(call: StoredCall): Promise<void> {
    await this.#calls.put({ ...call, ...keysOfCall(call) });
  }
  async delete(id: string): Promise<void> {
    await this.#calls.delete(id);
  }
  /** All that are kept, in the order of their capture. */
  async all(): Promise<StoredCall[]> {
    return (await this.#calls.filter(this.#isSound).toArray()).map(toCall).sort((a, b) => a.seq - b.seq);
  }

  /** The oldest call of a lane that Airflow does not have. */
  async head(lane: string): Promise<StoredCall | undefined> {
    const row = await this.#calls.where('turn').between([lane, Dexie.minKey], [lane, Dexie.maxKey]).filter(this.#isSound).first();
    return row && toCall(row);
  }
  /** The head of each lane. */
  async heads(): Promise<StoredCall[]> {
    const heads: StoredCall[] = [];
    for (let row = await this.#calls.orderBy('turn').filter(this.#isSound).first(); row;) {
      heads.push(toCall(row));
      row = await this.#calls.where('turn').above([row.lane, Dexie.maxKey]).filter(this.#isSound).first();
    }
    return heads;
  }
  /** Calls that Airflow does not have, lane by lane. */
  async unsent(limit: number): Promise<StoredCall[]> {
    return (await this.#calls.orderBy('turn').filter(this.#isSound).limit(limit).toArray()).map(toCall);
  }
  async unsentIds(): Promise<string[]> {
    return this.#calls.orderBy('turn').primaryKeys();
  }
  async followed(): Promise<StoredCall[]> {
    return (await this.#calls.where('followed').equals(1).filter(this.#isSound).toArray()).map(toCall);
  }
  async dead(): Promise<StoredCall[]> {
    return (await this.#calls.where('dead').equals(1).filter(this.#isSound).toArray()).map(toCall);
  }
  async counts(): Promise<{ unsent: number; followed: number; dead: number }> {
    const [unsent, followed, dead] = await Promise.all([
      this.#calls.orderBy('turn').count(),
      this.#calls.where('followed').equals(1).count(),
      this.#calls.where('dead').equals(1).count(),
    ]);
    return { unsent, followed, dead };
  }
  /** Forgets calls that were settled before (ms since 1970); dead ones stay until a person decides. */
  async pruneSettled(before: number): Promise<void> {
    await this.#calls.where('settledAt').below(before).delete();
  }

  async inputs(): Promise<InputsRow | undefined> {
    const row = await this.#inputs.get('pending');
    return sound('inputs', row ? [row] : [], this.#poisoned)[0];
  }
  async forgetInput(taskInstanceId: string): Promise<void> {
    const row = await this.inputs();
    if (row)
      await this.putInputs(
        row.seenAt,
        row.inputs.filter((input) => input.taskInstanceId !== taskInstanceId),
      );
  }
  async putInputs(seenAt: number, inputs: readonly PendingInput[]): Promise<void> {
    await this.#inputs.put({ key: 'pending', seenAt, inputs });
  }
}

const toCall = ({ turn: _turn, followed: _followed, dead: _dead, settledAt: _settledAt, ...call }: CallRow): StoredCall => call;
