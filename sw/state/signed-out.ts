import { UpdraftError } from '../../shared/errors.ts';
import type { Replica } from './replica.ts';

/**
 * Whether the replica's user has signed out and left unsent work here. Whoever names that user now
 * may be somebody else: nothing is shown, captured, changed or discarded until the same user has
 * signed in again and Airflow has answered that user. A replica without such a sign-out takes
 * captures without asking Airflow, even before the first sign-in.
 */
export const isSignedOut = ({ lockedAt }: Pick<Replica, 'lockedAt'>): boolean =>
  lockedAt !== undefined;

/** Throws `signed-out` if a page wants to change a signed-out replica. */
export function refuseSignedOut(replica: Replica): void {
  if (isSignedOut(replica))
    throw new UpdraftError(
      'signed-out',
      `${replica.user} has signed out of this device and left unsent work here; it is kept. ` +
        `Nothing was changed. Sign in as ${replica.user} with a connection to Airflow; ` +
        'once Airflow has answered, all goes on.',
    );
}

/** The replica after Airflow has answered its user: no longer hidden. */
export function unlocked({ lockedAt: _, ...replica }: Replica): Replica {
  return replica;
}
