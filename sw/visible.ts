import type { StoredCall } from './calls/call.ts';
import { isHidden } from './settle/hidden.ts';
import type { ReplicaRecord } from './store/record.ts';
import type { ReplicaTx } from './store/replica-tx.ts';
import type { World } from './world.ts';

/** Of the records read, those that whoever is here now may see. Everything that is told to a page on its request goes through here. */
export async function visible({ store }: World, read: (tx: ReplicaTx) => Promise<readonly ReplicaRecord[]>): Promise<ReplicaRecord[]> {
  return store.read(async (tx) => {
    const replica = await tx.replica();
    return (await read(tx)).filter((record) => !isHidden(replica, record));
  });
}

/** The same of calls. */
export async function visibleCalls({ store }: World, read: (tx: ReplicaTx) => Promise<readonly StoredCall[]>): Promise<StoredCall[]> {
  return store.read(async (tx) => {
    const { lockedAt } = await tx.replica();
    return (await read(tx)).filter(({ seq }) => lockedAt === undefined || seq > lockedAt);
  });
}
