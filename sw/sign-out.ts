import { UpdraftError } from '../shared/errors.ts';
import { MESSAGES_VERSION } from '../shared/protocol-version.ts';
import type { OpenReplica } from './replica.ts';
import type { World } from './world.ts';

type Unsent = 'keep' | 'discard' | 'refuse';

/**
 * Signs out. `discard` and `refuse` leave nothing of the user in this browser; `keep` leaves what is unsent, hidden until the same user has signed in
 * again (`settle/hidden.ts`). Every page of the user is told. `refuse` throws `unsent-work` while something is unsent; then nothing was changed.
 */
export async function signOut(open: OpenReplica, unsent: Unsent): Promise<null> {
  const { world, credentials, mirror } = open;
  // The mirror goes first: a worker killed in between must not find an empty database beside it, and restore what was given up.
  await mirror.close();
  await world.mirror.remove();
  try {
    if (unsent === 'keep') await lock(open);
    else await wipe(world, unsent);
  } catch (error) {
    mirror.reopen();
    throw error;
  }
  // A stored token went with the rest: that the storage fails now changes nothing, and the pages must be told.
  await credentials.signIn('memory', undefined).catch((error: unknown) => world.logger.error('The token could not be removed once more.', error));
  world.broadcast({ updraft: MESSAGES_VERSION, user: world.user, notice: unsent === 'keep' ? 'signed-out' : 'wiped' });
  if (unsent !== 'keep') await open.dispose();
  else mirror.reopen();
  return null;
}

/** Lets go of all that is not unsent; what is unsent is hidden. */
async function lock({ world, desk }: OpenReplica): Promise<void> {
  await world.store.write(async (tx) => {
    const replica = await tx.replica();
    await tx.wipeSettled();
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
  await desk.showStatus();
}

/** Counted and wiped in one transaction: a capture in between must not be acknowledged and then deleted. */
async function wipe({ store }: World, unsent: 'discard' | 'refuse'): Promise<void> {
  await store.write(async (tx) => {
    const [changes, calls] = [await tx.counts(), await tx.calls.counts()];
    const count = changes.unsent + calls.unsent + calls.dead;
    if (unsent === 'refuse' && count > 0) {
      throw new UpdraftError(
        'unsent-work',
        `${count} changes or calls are not in Airflow yet. Wait until they are sent, or sign out with { unsent: 'keep' } or { unsent: 'discard' }.`,
      );
    }
    await tx.wipe();
  });
}
