import { UpdraftError } from '../../shared/errors.ts';
import type { ReplicaTx } from '../store/replica-tx.ts';
import { damagedLetterOf } from '../store/damaged-letter.ts';
import type { Quarantined } from '../store/quarantine-rows.ts';
import { salvageCall } from '../store/salvage-call.ts';
import type { Replica } from '../state/replica.ts';
import type { StoredCall } from '../state/call.ts';
import { operationOf } from './operations.ts';

/** Takes a call's damaged rows out of the quarantine; empty where there are none. */
export async function takeDamaged(tx: ReplicaTx, id: string): Promise<Quarantined[]> {
  const rows = (await tx.quarantine.all()).filter((found) => salvageCall(found)?.id === id);
  await tx.quarantine.remove(rows.map(({ number }) => number));
  return rows;
}

/**
 * Returns the call of a damaged row as a dead call under the same id and run id, so that a call
 * that went out before the damage meets its own run. Undefined where the row is gone. Throws
 * `storage` where the request cannot be read whole.
 */
export async function recapturedCall(
  tx: ReplicaTx,
  replica: Replica,
  id: string,
): Promise<StoredCall | undefined> {
  const [found] = await takeDamaged(tx, id);
  const read = found && salvageCall(found);
  const letter = found && damagedLetterOf(found);
  if (!read || letter?.kind !== 'call') return undefined;
  if (!read.isWhole)
    throw new UpdraftError(
      'storage',
      'What is left of this call is not all of it, so it cannot be sent as it was. ' +
        'Enter what is missing anew (exportDeadLetters() has what could be read), then discard it.',
    );
  const runId = read.runId ?? runIdOf(replica, id);
  return {
    id,
    seq: read.seq ?? replica.seq,
    runId,
    operation: read.request.operation,
    lane: operationOf(read.request, runId, replica.user).lane,
    request: read.request,
    state: { kind: 'dead', reason: letter.reason, at: letter.at },
    capturedAt: letter.capturedAt,
    attempts: letter.attempts,
  };
}

/** The run id of a call: fixed, so that a call sent again meets its own run. */
export const runIdOf = ({ replicaId }: Pick<Replica, 'replicaId'>, id: string): string =>
  `updraft__${replicaId}__call__${id}`;
