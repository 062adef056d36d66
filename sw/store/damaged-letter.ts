import type { CallLetter, DeadLetter, MutationLetter } from '../../shared/row.ts';
import { requested } from '../record/dead-letter.ts';
import { EMPTY } from '../record/net.ts';
import type { Quarantined } from './quarantine-rows.ts';
import { salvageCall } from './salvage-call.ts';
import { salvage } from './salvage.ts';

/** Returns the unsent work of a damaged row as a dead letter for a person. */
export const damagedLetterOf = (found: Quarantined): DeadLetter | undefined =>
  changeLetterOf(found) ?? callLetterOf(found);

const nextFor = (isWhole: boolean): string =>
  isWhole
    ? 'Look whether it is in Airflow already, then retry or discard it.'
    : 'What could be read of it is here: enter it anew where it is missing, then discard it.';

function changeLetterOf(found: Quarantined): MutationLetter | undefined {
  const read = salvage(found);
  if (!read) return undefined;
  const { collection, id, net, isWhole, value } = read;
  return {
    kind: 'mutation',
    collection,
    id,
    change: requested(net ?? EMPTY),
    value,
    reason: {
      kind: 'damaged',
      message:
        `The row of this record was damaged on this device (${found.why}), and its change ` +
        `was not in Airflow yet. ${nextFor(isWhole)}`,
    },
    at: found.at,
    attempts: 0,
    quarantined: found.number,
  };
}

function callLetterOf(found: Quarantined): CallLetter | undefined {
  const read = salvageCall(found);
  if (!read) return undefined;
  const { id, request, isWhole, lane, capturedAt, attempts } = read;
  return {
    kind: 'call',
    id,
    operation: request.operation,
    lane,
    request,
    capturedAt,
    attempts,
    reason: {
      kind: 'damaged',
      message:
        `The row of this call was damaged on this device (${found.why}), and Airflow was not ` +
        `known to have it. ${nextFor(isWhole)}`,
    },
    at: found.at,
    quarantined: found.number,
  };
}
