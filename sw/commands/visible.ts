import type { StoredCall } from '../state/call.ts';
import { isSignedOut } from '../state/signed-out.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { World } from '../world.ts';

/**
 * Reads the records that the present user may see. Every record told to a page on request passes
 * through here.
 */
export const visible = (
  world: World,
  read: (tx: ReplicaTx) => Promise<readonly ReplicaRecord[]>,
): Promise<readonly ReplicaRecord[]> => shown(world, read);

/** Reads the calls that the present user may see. */
export const visibleCalls = (
  world: World,
  read: (tx: ReplicaTx) => Promise<readonly StoredCall[]>,
): Promise<readonly StoredCall[]> => shown(world, read);

function shown<T>(
  { store }: World,
  read: (tx: ReplicaTx) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  return store.read(async (tx) => {
    const [replica, all] = [await tx.replica(), await read(tx)];
    return isSignedOut(replica) ? [] : all;
  });
}
