import * as v from 'valibot';
import { CallRequestSchema, type CallRequest } from '../../shared/calls.ts';
import { asJson } from './as-json.ts';
import type { Quarantined } from './quarantine-rows.ts';
import { bag, isUnsent, seqOf } from './salvage.ts';

/** The readable part of a damaged call. */
export interface CallSalvage {
  readonly id: string;
  /** The request in a form that JSON has; its operation is a text. */
  readonly request: CallRequest;
  /** Whether `request` is the whole request, and may be sent again. */
  readonly isWhole: boolean;
  /** Undefined if unreadable. */
  readonly runId: string | undefined;
  readonly seq: number | undefined;
}

/**
 * Reads the readable part of a damaged call. Returns undefined for a call that cannot be named, is
 * past its sending, or has no readable operation: such a row stays in quarantine, and counts as
 * unsent there.
 */
export function salvageCall(found: Quarantined): CallSalvage | undefined {
  const { id, request, runId, seq } = bag(found.row);
  if (
    found.table !== 'calls' ||
    !isUnsent(found) ||
    typeof id !== 'string' ||
    typeof bag(request)['operation'] !== 'string'
  )
    return undefined;
  return {
    id,
    request: asJson(request) as unknown as CallRequest,
    isWhole: !found.hasTexts && v.is(CallRequestSchema, request),
    runId: typeof runId === 'string' ? runId : undefined,
    seq: seqOf(seq),
  };
}
