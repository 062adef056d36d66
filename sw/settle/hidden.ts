import { UpdraftError } from '../../shared/errors.ts';
import type { ReplicaRecord } from '../store/record.ts';
import type { Replica } from '../store/replica.ts';

/**
 * Whether the record was left here by someone who has signed out. It is sent, and shown again, only after the same user has signed in and
 * Airflow has answered; what is captured meanwhile is shown to whoever captured it.
 */
export function isHidden({ lockedAt }: Replica, { sealed, pending }: ReplicaRecord): boolean {
  const unsent = sealed ?? pending;
  return lockedAt !== undefined && unsent !== undefined && unsent.firstSeq <= lockedAt;
}

/** Throws `signed-out` for what is hidden. */
export function refuseHidden(replica: Replica, record: ReplicaRecord): void {
  if (isHidden(replica, record))
    throw new UpdraftError('signed-out', 'This record was left here by a user who has signed out. Sign in as that user; it is kept until then.');
}

/** The replica as Airflow has just answered its user. */
export function unlocked({ lockedAt: _, ...replica }: Replica): Replica {
  return replica;
}
