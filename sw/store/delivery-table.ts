import type { Table } from 'dexie';
import type { Delivery } from '../outbox/delivery.ts';
import { NO_MEMBERS, type BatchMembers, type MembersReader } from './batch-members.ts';
import { sound, type Poisoned } from './quarantine.ts';

/** The deliveries of a replica, inside one transaction. */
export class DeliveryTable {
  readonly #deliveries: Table<Delivery, string>;
  readonly #poisoned: Poisoned[];
  readonly #membersReader: MembersReader;
  /** As this transaction has read them. */
  #read: readonly Delivery[] | undefined;
  constructor(deliveries: Table<Delivery, string>, poisoned: Poisoned[], membersReader: MembersReader) {
    this.#deliveries = deliveries;
    this.#poisoned = poisoned;
    this.#membersReader = membersReader;
  }

  async all(): Promise<readonly Delivery[]> {
    this.#read ??= this.#readable(sound('deliveries', await this.#deliveries.toArray(), this.#poisoned));
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
    const onItsWay = (await this.all()).find(({ batch }) => batch !== undefined);
    return (onItsWay && this.#membersReader.of(onItsWay)) ?? NO_MEMBERS;
  }

  async put(delivery: Delivery): Promise<void> {
    this.#read = undefined;
    await this.#deliveries.put(delivery);
  }
  async delete(deliveryId: string): Promise<void> {
    this.#read = undefined;
    await this.#deliveries.delete(deliveryId);
  }
  async clear(): Promise<void> {
    this.#read = undefined;
    await this.#deliveries.clear();
  }
}
