import type { Command } from '../../shared/messages.ts';
import type { OpenReplica } from '../open-replica.ts';

/**
 * Signs the user in, or renews the token of a page after a refusal (`renewal`). A renewal that
 * nobody waits for any more, because another page or a person was first, changes nothing.
 */
export async function signIn(
  { desk, credentials }: OpenReplica,
  { credentials: given, renewal }: Extract<Command, { type: 'sign-in' }>,
): Promise<null> {
  if (renewal && !(await desk.replica()).auth.required) return null;
  await credentials.signIn(given.kind, 'token' in given ? given.token : undefined);
  await desk.update((replica) => {
    const { required, signIns, renewed } = replica.auth;
    const isRenewed = renewal && (required === 'refused' || renewed);
    return {
      ...replica,
      auth: {
        kind: given.kind,
        required: null,
        signIns: signIns + 1,
        ...(isRenewed ? { renewed: true } : {}),
      },
      backoff: null,
    };
  });
  return null;
}
