import type { AuthReason } from '../../shared/messages.ts';
import type { Desk } from '../desk.ts';
import { askForSignIn } from '../settle/after-effect.ts';

/** A call has met what only a sign-in helps against: the replica says so, as when a batch meets it. */
export async function park(desk: Desk, reason: AuthReason, { signIns }: { readonly signIns: number }): Promise<void> {
  await desk.write(async (tx) => ({ result: undefined, events: await askForSignIn(tx, await tx.replica(), reason, signIns) }));
}
