import type { Table } from 'dexie';
import type { Delivery } from '../outbox/delivery.ts';
import { NO_MEMBERS, keyOf, type BatchMembers, type MembersReader } from './batch-members.ts';
import type { Knowledge, Learnt } from './known.ts';
import { sound, type Poisoned } from './quarantine.ts';
import type { ReplicaRecord } from './record.ts';
import type { Writes } from './writes.ts';

const isOnItsWay = ({ batch }: Delivery): boolean => batch !== undefined;
const sorted = (deliveries: Delivery[]): Delivery[] => deliveries.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));

/** The deliveries of a replica, inside one transaction. */
export class DeliveryTable {
  readonly #deliveries: Table<Delivery, string>;
  readonly #poisoned: Poisoned[];
  readonly #membersReader: MembersReader;
  readonly #knowledge: Knowledge;
  readonly #writes: Writes;
  /** As this transaction has read them, and written them since. */
  #read: readonly Delivery[] | undefined;
  constructor(deliveries: Table<Delivery, string>, poisoned: Poisoned[], membersReader: MembersReader, knowledge: Knowledge, writes: Writes) {
    this.#deliveries = deliveries;
    this.#poisoned = poisoned;
    this.#membersReader = membersReader;
    this.#knowledge = knowledge;
    this.#writes = writes;
  }

  async all(): Promise<readonly Delivery[]> {
    if (this.#read) return this.#read;
    const learnt = await this.#knowledge.learnt();
    this.#read = learnt.deliveries ?? this.#readable(sound('deliveries', await this.#deliveries.toArray(), this.#poisoned));
    learnt.deliveries = this.#read;
    return this.#read;
  }
  #readable(deliveries: readonly Delivery[]): Delivery[] {
    return deliveries.filter((row) => {
      const isBatch = this.#membersReader.of(row) !== undefined;
      if (!isBatch) this.#poisoned.push({ table: 'deliveries', row, why: 'its batch is none' });
      return isBatch;
    });
  }

  /** What the batch on its way holds. */
  async members(): Promise<BatchMembers> {
    const onItsWay = (await this.all()).find(isOnItsWay);
    return (onItsWay && this.#membersReader.of(onItsWay)) ?? NO_MEMBERS;
  }

  async put(delivery: Delivery): Promise<void> {
    await this.#written(delivery.deliveryId, [delivery]);
    this.#writes.add(this.#deliveries.put(delivery));
  }
  async delete(deliveryId: string): Promise<void> {
    await this.#written(deliveryId, []);
    this.#writes.add(this.#deliveries.delete(deliveryId));
  }
  async clear(): Promise<void> {
    this.#read = undefined;
    this.#knowledge.wroteUnseen();
    await this.#deliveries.clear();
  }

  /** In the database's order. */
  async #written(deliveryId: string, instead: readonly Delivery[]): Promise<void> {
    const learnt = await this.#knowledge.learnt();
    this.#knowledge.wrote();
    const before = this.#read ?? learnt.deliveries;
    this.#read = before && sorted([...before.filter((delivery) => delivery.deliveryId !== deliveryId), ...instead]);
    learnt.deliveries = this.#read;
    const onItsWay = this.#read?.find(isOnItsWay);
    if (before && before.find(isOnItsWay)?.nonce === onItsWay?.nonce) return;
    learnt.batch = undefined;
    if (onItsWay) this.#learnSealed(onItsWay, learnt);
    // What was read ahead of a batch still follows it when it has been answered.
    else if (!before) learnt.ahead = undefined;
  }

  /** A batch has just been sealed: which records are in it, and which are next, as far as they are known. */
  #learnSealed(delivery: Delivery, learnt: Learnt): void {
    const { ahead } = learnt;
    learnt.ahead = undefined;
    const members = this.#membersReader.of(delivery);
    if (!members || !ahead || delivery.nonce === undefined) return;
    const isMember = ({ collection, id }: ReplicaRecord): boolean => members.has(collection, id);
    // Sealing takes the oldest: whatever else may travel is younger.
    const oldest = ahead.records.slice(0, members.size);
    if (oldest.length < members.size || !oldest.every(isMember)) return;
    const records = new Map(oldest.map((record) => [keyOf(record), record]));
    learnt.batch = { nonce: delivery.nonce, records, lastSendable: members.lastSendable };
    learnt.ahead = { records: ahead.records.slice(members.size), limit: ahead.limit - members.size };
  }
}
