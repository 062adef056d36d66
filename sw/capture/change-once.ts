import * as v from 'valibot';
import type { UpdraftEvent } from '../../shared/messages.ts';
import type { OpenReplica } from '../open-replica.ts';
import type { Replica } from '../state/replica.ts';
import { refuseSignedOut } from '../state/signed-out.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import type { WakeUps } from '../wake/wake-ups.ts';

/** Change of the replica for a page's request. */
export interface Changed<A> {
  readonly answer: A;
  readonly events: readonly UpdraftEvent[];
  /** Makes sure that something wakes the worker for the change, once it is on disk. */
  readonly wake?: ((wakeUps: WakeUps) => Promise<void>) | undefined;
}

/** Form in which a request's answer is stored. */
export interface AnswerForm<A> {
  readonly schema: v.GenericSchema<unknown, A>;
  /**
   * Replaces a stored answer that cannot be read: another answer, undefined to do it again, or an
   * error.
   */
  readonly ifDamaged: () => { readonly answer: A } | undefined;
}

/** Form of the answer to a request that is only done. */
export const DONE: AnswerForm<null> = { schema: v.null(), ifDamaged: () => ({ answer: null }) };

/**
 * Changes the replica once for a page's request, however often the page repeats it: the change and
 * its answer are one transaction, then the worker's wake-up is made sure of, and the status is
 * told. Throws `signed-out` where nobody is here whose request it could be.
 */
export async function changeOnce<A>(
  { world, desk, wakeUps }: OpenReplica,
  requestId: string,
  { schema, ifDamaged }: AnswerForm<A>,
  change: (tx: ReplicaTx, replica: Replica) => Promise<Changed<A>>,
): Promise<A> {
  const { answer, wake } = await desk.write<Omit<Changed<A>, 'events'>>(async (tx) => {
    const repeated = await tx.answer(requestId, schema);
    const known = repeated === 'damaged' ? ifDamaged() : repeated;
    if (known) return { result: known, events: [] };
    const replica = await tx.replica();
    refuseSignedOut(replica);
    const { events, ...result } = await change(tx, replica);
    await tx.putAnswer(requestId, world.clock.now(), result.answer);
    return { result, events };
  });
  await wake?.(wakeUps);
  await desk.reporter.tellStatusIfPossible();
  return answer;
}

/** Returns the wake-up of a delivery that the change has opened, if it has. */
export const wakeFor = (
  opened: { readonly deliveryId: string } | undefined,
): Changed<never>['wake'] => opened && ((wakeUps) => wakeUps.wakeFor(opened.deliveryId));
