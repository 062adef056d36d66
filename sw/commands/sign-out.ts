import { UpdraftError } from '../../shared/errors.ts';
import { MESSAGES_VERSION } from '../../shared/protocol-version.ts';
import type { OpenReplica } from '../open-replica.ts';
import { refuseSignedOut } from '../state/signed-out.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { isUnsent } from '../store/salvage.ts';
import type { World } from '../world.ts';

type Unsent = 'keep' | 'discard' | 'refuse';

/**
 * Signs the user out and tells all pages of the user. `discard` and `refuse` leave nothing of the
 * user in this browser; `keep` leaves unsent work, hidden until the same user has signed in again
 * (`state/signed-out.ts`). `refuse` throws `unsent-work` while anything is unsent. Both `discard`
 * and `refuse` throw `signed-out` when the work was kept at an earlier sign-out and Airflow has not
 * answered its user since. After a throw nothing was changed.
 */
export async function signOut(open: OpenReplica, unsent: Unsent): Promise<null> {
  const { world, credentials, mirror } = open;
  // Damaged calls may have lost the keys that are counted: this read puts them into quarantine.
  await world.store.read((tx) => tx.calls.all());
  // Checked before the mirror is removed: a refused sign-out must keep the mirror.
  await world.store.read((tx) => refuseToLose(tx, unsent));
  // The mirror is removed first: a worker killed in between must not find an empty database beside
  // its mirror and restore discarded work.
  await mirror.close();
  await world.mirror.remove();
  try {
    if (unsent === 'keep') await lock(open);
    else await wipe(world, unsent);
  } catch (error) {
    mirror.reopen();
    throw error;
  }
  // The stored token was removed with the data: a storage failure here changes nothing, and the
  // pages must be told.
  await credentials
    .signIn('memory', undefined)
    .catch((error: unknown) =>
      world.logger.error('The stored token could not be removed at the sign-out.', error),
    );
  world.broadcast({
    updraft: MESSAGES_VERSION,
    user: world.user,
    notice: unsent === 'keep' ? 'signed-out' : 'wiped',
  });
  if (unsent !== 'keep') await open.dispose();
  else mirror.reopen();
  return null;
}

/** Removes everything but unsent work, which is hidden. */
async function lock({ world, desk }: OpenReplica): Promise<void> {
  await world.store.write(async (tx) => {
    const replica = await tx.replica();
    await tx.wipeSettled();
    const settled = (await tx.quarantine.all()).filter((row) => !isUnsent(row));
    await tx.quarantine.remove(settled.map(({ number }) => number));
    await tx.putReplica({
      ...replica,
      logId: world.random.hex(),
      auth: { kind: 'none', required: null, signIns: replica.auth.signIns + 1 },
      backoff: null,
      since: 0,
      floor: 0,
      ready: false,
      lockedAt: replica.seq,
    });
  });
  await desk.reporter.tellStatusIfPossible();
}

/**
 * Counts and wipes in a single transaction: a capture in between must not be acknowledged and then
 * deleted.
 */
async function wipe({ store }: World, unsent: 'discard' | 'refuse'): Promise<void> {
  await store.write(async (tx) => {
    await refuseToLose(tx, unsent);
    await tx.wipe();
  });
}

async function refuseToLose(tx: ReplicaTx, unsent: Unsent): Promise<void> {
  if (unsent === 'keep') return;
  const [changes, calls] = [await tx.counts(), await tx.calls.counts()];
  const damaged = (await tx.quarantine.all()).filter(isUnsent).length;
  const count = changes.unsent + calls.unsent + calls.dead + damaged;
  if (count === 0) return;
  // The caller has not proved to be the user who left the work here.
  refuseSignedOut(await tx.replica());
  if (unsent === 'refuse') {
    throw new UpdraftError(
      'unsent-work',
      `${count} changes or calls are not in Airflow yet. Wait until they are sent, ` +
        "or sign out with { unsent: 'keep' } or { unsent: 'discard' }.",
    );
  }
}
