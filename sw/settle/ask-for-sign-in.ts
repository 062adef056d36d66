import type { AuthReason, UpdraftEvent } from '../../shared/messages.ts';
import type { Replica } from '../state/replica.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';

/**
 * Whether a page is asked for another token before the person is: once, after a refused token. If
 * the renewed token is refused too, the person must sign in.
 */
const mayRenew = ({ auth }: Replica, reason: AuthReason): boolean =>
  reason === 'refused' && auth.kind !== 'cookie' && !auth.renewed;

/**
 * Parks the replica until somebody signs in; returns the events for the pages. `signIns`: number of
 * sign-ins when the attempt began; a person who signed in since is not asked again.
 */
export async function askForSignIn(
  tx: ReplicaTx,
  replica: Replica,
  reason: AuthReason,
  signIns: number,
): Promise<UpdraftEvent[]> {
  if (replica.auth.signIns !== signIns) return [];
  // Another lane learnt the reason and forgot the token: a missing token is no news.
  if (reason === 'missing' && replica.auth.required) return [];
  await tx.putReplica({ ...replica, backoff: null, auth: { ...replica.auth, required: reason } });
  return replica.auth.required === reason
    ? []
    : [{ type: 'auth-required', reason, ...(mayRenew(replica, reason) ? { renew: true } : {}) }];
}
