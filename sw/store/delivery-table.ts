import { recordKey } from '../record/record-key.ts';
import type { Table } from 'dexie';
import type { Delivery } from '../state/delivery.ts';
import { NO_MEMBERS, type BatchMembers, type MembersReader } from './batch-members.ts';
import type { Native } from './native.ts';
import type { CacheView, CachedState } from './read-cache.ts';
import { validRows } from './quarantine.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { CorruptRow } from './rows.ts';

const isInFlight = ({ batch }: Delivery): boolean => batch !== undefined;
const sorted = (deliveries: Delivery[]): Delivery[] =>
  deliveries.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));

/** The deliveries of a replica, inside one transaction. */
export class DeliveryTable {
  readonly #deliveries: Table<Delivery, string>;
  readonly #corrupt: CorruptRow[];
  readonly #membersReader: MembersReader;
  readonly #cache: CacheView;
  readonly #native: Native;
  /** The deliveries as last read or written by this transaction. */
  #read: readonly Delivery[] | undefined;
  constructor(
    deliveries: Table<Delivery, string>,
    corrupt: CorruptRow[],
    membersReader: MembersReader,
    cache: CacheView,
    native: Native,
  ) {
    this.#deliveries = deliveries;
    this.#corrupt = corrupt;
    this.#membersReader = membersReader;
    this.#cache = cache;
    this.#native = native;
  }

  async all(): Promise<readonly Delivery[]> {
    if (this.#read) return this.#read;
    const cached = await this.#cache.cached();
    this.#read =
      cached.deliveries ??
      this.#readable(validRows('deliveries', await this.#deliveries.toArray(), this.#corrupt));
    cached.deliveries = this.#read;
    return this.#read;
  }
  #readable(deliveries: readonly Delivery[]): Delivery[] {
    return deliveries.filter((row) => {
      const isBatch = this.#membersReader.of(row) !== undefined;
      if (!isBatch) this.#corrupt.push({ table: 'deliveries', row, why: 'its batch is none' });
      return isBatch;
    });
  }

  /** Returns the members of the in-flight batch. */
  async members(): Promise<BatchMembers> {
    const inFlight = (await this.all()).find(isInFlight);
    return (inFlight && this.#membersReader.of(inFlight)) ?? NO_MEMBERS;
  }

  async put(delivery: Delivery): Promise<void> {
    await this.#written(delivery.deliveryId, [delivery]);
    this.#native.put('deliveries', [delivery]);
  }
  async delete(deliveryId: string): Promise<void> {
    await this.#written(deliveryId, []);
    this.#native.delete('deliveries', [deliveryId]);
  }
  async clear(): Promise<void> {
    this.#read = undefined;
    this.#cache.invalidate();
    await this.#deliveries.clear();
  }

  /** Updates the deliveries and the read cache after a write, in the database's order. */
  async #written(deliveryId: string, instead: readonly Delivery[]): Promise<void> {
    const cached = await this.#cache.cached();
    this.#cache.wrote();
    const before = this.#read ?? cached.deliveries;
    this.#read =
      before &&
      sorted([...before.filter((delivery) => delivery.deliveryId !== deliveryId), ...instead]);
    cached.deliveries = this.#read;
    const inFlight = this.#read?.find(isInFlight);
    if (before && before.find(isInFlight)?.nonce === inFlight?.nonce) return;
    cached.batch = undefined;
    if (inFlight) this.#cacheSealed(inFlight, cached);
    // Records that were read ahead of a batch still come next once the batch is answered.
    else if (!before) cached.nextSendable = undefined;
  }

  /**
   * Caches the members of a batch that was just sealed, and the records after the batch, as far as
   * the cache knows both.
   */
  #cacheSealed(delivery: Delivery, cached: CachedState): void {
    const { nextSendable } = cached;
    cached.nextSendable = undefined;
    const members = this.#membersReader.of(delivery);
    if (!members || !nextSendable || delivery.nonce === undefined) return;
    const isMember = ({ collection, id }: ReplicaRecord): boolean => members.has(collection, id);
    // Sealing takes the oldest records, so every other sendable record is younger.
    const oldest = nextSendable.records.slice(0, members.size);
    if (oldest.length < members.size || !oldest.every(isMember)) return;
    const records = new Map(oldest.map((record) => [recordKey(record), record]));
    cached.batch = { nonce: delivery.nonce, records, maxFirstSeq: members.maxFirstSeq };
    cached.nextSendable = {
      records: nextSendable.records.slice(members.size),
      limit: nextSendable.limit - members.size,
    };
  }
}
