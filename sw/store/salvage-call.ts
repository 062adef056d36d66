import * as v from 'valibot';
import { CallRequestSchema, type CallRequest } from '../../shared/calls.ts';
import { asJson } from './as-json.ts';
import type { Quarantined } from './quarantine-rows.ts';
import { isUnsent } from './salvage.ts';

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
  readonly lane: string;
  readonly capturedAt: number;
  readonly attempts: number;
}

const RowShape = v.looseObject({
  id: v.string(),
  request: v.looseObject({ operation: v.string() }),
});

/**
 * Reads the readable part of a damaged call. Returns undefined for a call that cannot be named, is
 * past its sending, or has no readable operation: such a row stays in quarantine, and counts as
 * unsent there.
 */
export function salvageCall(found: Quarantined): CallSalvage | undefined {
  const { table, row, at, hasTexts } = found;
  if (table !== 'calls' || !isUnsent(found) || !v.is(RowShape, row)) return undefined;
  const { id, request, runId, seq, lane, capturedAt, attempts } = row;
  return {
    id,
    request: asJson(request) as unknown as CallRequest,
    isWhole: !hasTexts && v.is(CallRequestSchema, request),
    runId: typeof runId === 'string' ? runId : undefined,
    seq: isCount(seq) ? seq : undefined,
    lane: typeof lane === 'string' ? lane : '',
    capturedAt: isCount(capturedAt) ? capturedAt : at,
    attempts: isCount(attempts) ? attempts : 0,
  };
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
