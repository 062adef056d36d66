import type { CallLetter, DeadLetter, MutationLetter } from '../../shared/row.ts';
import { requested } from '../record/dead-letter.ts';
import { EMPTY } from '../record/net.ts';
import type { Quarantined } from './quarantine-rows.ts';
import { salvageCall } from './salvage-call.ts';
import { salvage } from './salvage.ts';

/** Returns the unsent work of a damaged row as a dead letter for a person. */
export const damagedLetterOf = (found: Quarantined): DeadLetter | undefined =>
  changeLetterOf(found) ?? callLetterOf(found);

const reasonOf = (
  what: string,
  { why }: Quarantined,
  { isWhole }: { readonly isWhole: boolean },
): { readonly kind: 'damaged'; readonly message: string } => ({
  kind: 'damaged',
  message:
    `The row of this ${what} was damaged on this device (${why}), and what it asks for was not ` +
    'in Airflow yet. ' +
    (isWhole
      ? 'Look whether it is in Airflow already, then retry or discard it.'
      : 'What could be read of it is here: enter it anew where it is missing, then discard it.'),
});

function changeLetterOf(found: Quarantined): MutationLetter | undefined {
  const read = salvage(found);
  if (!read) return undefined;
  const { collection, id, net, value } = read;
  return {
    kind: 'mutation',
    collection,
    id,
    change: requested(net ?? EMPTY),
    value,
    reason: reasonOf('record', found, read),
    at: found.at,
    attempts: 0,
    quarantined: found.number,
  };
}

function callLetterOf(found: Quarantined): CallLetter | undefined {
  const read = salvageCall(found);
  if (!read) return undefined;
  const { id, request } = read;
  return {
    kind: 'call',
    id,
    operation: request.operation,
    lane: '',
    request,
    capturedAt: found.at,
    attempts: 0,
    reason: reasonOf('call', found, read),
    at: found.at,
    quarantined: found.number,
  };
}
