import { Dexie, type Table } from 'dexie';
import type { StoredCall } from '../state/call.ts';
import { validRows } from './quarantine.ts';
import { keysOfCall } from './stored-call.ts';
import type { CallRow, InputsRow, CorruptRow } from './rows.ts';

export const CALL_STORES = { calls: 'id, turn, followed, dead, settledAt', inputs: 'key' } as const;

/** The queued calls of a replica, inside one transaction. Corrupt rows count as absent. */
export class CallTable {
  readonly #calls: Table<CallRow, string>;
  readonly #inputs: Table<InputsRow, string>;
  readonly #corrupt: CorruptRow[];
  constructor(
    calls: Table<CallRow, string>,
    inputs: Table<InputsRow, string>,
    corrupt: CorruptRow[],
  ) {
    this.#calls = calls;
    this.#inputs = inputs;
    this.#corrupt = corrupt;
  }

  readonly #isValid = (row: CallRow): boolean =>
    validRows('calls', [row], this.#corrupt).length > 0;

  async get(id: string): Promise<StoredCall | undefined> {
    const row = await this.#calls.get(id);
    return row && this.#isValid(row) ? toCall(row) : undefined;
  }
  async put(call: StoredCall): Promise<void> {
    await this.#calls.put({ ...call, ...keysOfCall(call) });
  }
  async delete(id: string): Promise<void> {
    await this.#calls.delete(id);
  }
  /** Returns all stored calls in the order of their capture. */
  async all(): Promise<StoredCall[]> {
    return (await this.#calls.filter(this.#isValid).toArray())
      .map(toCall)
      .sort((a, b) => a.seq - b.seq);
  }

  /** Returns the oldest call of a lane that Airflow has not accepted. */
  async head(lane: string): Promise<StoredCall | undefined> {
    const row = await this.#calls
      .where('turn')
      .between([lane, Dexie.minKey], [lane, Dexie.maxKey])
      .filter(this.#isValid)
      .first();
    return row && toCall(row);
  }
  /** Returns the head of each lane. */
  async heads(): Promise<StoredCall[]> {
    const heads: StoredCall[] = [];
    for (let row = await this.#calls.orderBy('turn').filter(this.#isValid).first(); row;) {
      heads.push(toCall(row));
      row = await this.#calls
        .where('turn')
        .above([row.lane, Dexie.maxKey])
        .filter(this.#isValid)
        .first();
    }
    return heads;
  }
  /** Returns calls that Airflow has not accepted, lane by lane. */
  async unsent(limit: number): Promise<StoredCall[]> {
    return (await this.#calls.orderBy('turn').filter(this.#isValid).limit(limit).toArray()).map(
      toCall,
    );
  }
  async unsentIds(): Promise<string[]> {
    return this.#calls.orderBy('turn').primaryKeys();
  }
  async followed(): Promise<StoredCall[]> {
    return (await this.#calls.where('followed').equals(1).filter(this.#isValid).toArray()).map(
      toCall,
    );
  }
  async dead(): Promise<StoredCall[]> {
    return (await this.#calls.where('dead').equals(1).filter(this.#isValid).toArray()).map(toCall);
  }
  async counts(): Promise<{ unsent: number; followed: number; dead: number }> {
    const [unsent, followed, dead] = await Promise.all([
      this.#calls.orderBy('turn').count(),
      this.#calls.where('followed').equals(1).count(),
      this.#calls.where('dead').equals(1).count(),
    ]);
    return { unsent, followed, dead };
  }
  /**
   * Deletes calls that were settled before this time (ms since 1970). Dead calls stay until a
   * person decides.
   */
  async pruneSettled(before: number): Promise<void> {
    await this.#calls.where('settledAt').below(before).delete();
  }

  async inputs(): Promise<InputsRow | undefined> {
    const row = await this.#inputs.get('pending');
    return validRows('inputs', row ? [row] : [], this.#corrupt)[0];
  }
  async forgetInput(taskInstanceId: string): Promise<void> {
    const row = await this.inputs();
    if (row)
      await this.putInputs({
        ...row,
        inputs: row.inputs.filter((input) => input.taskInstanceId !== taskInstanceId),
      });
  }
  async putInputs(row: Omit<InputsRow, 'key'>): Promise<void> {
    await this.#inputs.put({ ...row, key: 'pending' });
  }
}

const toCall = ({
  turn: _turn,
  followed: _followed,
  dead: _dead,
  settledAt: _settledAt,
  ...call
}: CallRow): StoredCall => call;
