import type { Call, CallEntry } from '../../shared/calls.ts';
import type { UpdraftEvent } from '../../shared/messages.ts';
import type { CallLetter } from '../../shared/row.ts';
import type { StoredCall } from '../state/call.ts';

/** A call without its request, as told to pages: events are kept by the thousand. */
export const callOf = ({ id, operation, lane, state, capturedAt, attempts }: StoredCall): Call => ({
  id,
  operation,
  lane,
  state,
  capturedAt,
  attempts,
});

export const entryOf = (call: StoredCall): CallEntry => ({
  ...callOf(call),
  request: call.request,
});

/** The dead letter of a dead call; undefined for any other call. */
export function callLetterOf(call: StoredCall): CallLetter | undefined {
  if (call.state.kind !== 'dead') return undefined;
  const { id, operation, lane, request, capturedAt, attempts, state } = call;
  return {
    kind: 'call',
    id,
    operation,
    lane,
    request,
    capturedAt,
    attempts,
    reason: state.reason,
    at: state.at,
  };
}

/** The events that a call's move sends to every page. */
export function eventsOfCall(call: StoredCall): UpdraftEvent[] {
  const deadLetter = callLetterOf(call);
  return [
    { type: 'call', call: callOf(call) },
    ...(deadLetter ? [{ type: 'dead-letter' as const, deadLetter }] : []),
  ];
}
