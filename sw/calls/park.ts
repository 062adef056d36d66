import type { AuthReason } from '../../shared/messages.ts';
import type { Desk } from '../status/desk.ts';
import { askForSignIn } from '../settle/ask-for-sign-in.ts';

/**
 * Marks the replica as needing a sign-in, for a call that only a sign-in can help, as batches do.
 */
export async function park(
  desk: Desk,
  reason: AuthReason,
  { signIns }: { readonly signIns: number },
): Promise<void> {
  await desk.write(async (tx) => ({
    result: undefined,
    events: await askForSignIn(tx, await tx.replica(), reason, signIns),
  }));
}
