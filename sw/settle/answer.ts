import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import { jsonEquals } from '../../shared/json.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { Delivery } from '../state/delivery.ts';
import type { Replica } from '../state/replica.ts';

/** An answer to `request`, for the delivery in the request (none: a pull). */
export interface Answer {
  readonly request: ExchangeRequest;
  readonly response: ExchangeResponse;
  readonly delivery: Delivery | undefined;
  readonly via: TransportName;
  readonly run?: string;
  /**
   * The sign-in that was required when the request was made. An answer lifts that requirement, but
   * no newer requirement.
   */
  readonly signInRequiredAtStart?: AuthReason | null;
  /**
   * Number of sign-ins when the request was made, or undefined for the present number. An answer
   * says nothing about newer credentials.
   */
  readonly signIns?: number;
}

/**
 * Whether the response answers exactly this request of the replica's present state. Any other
 * response is no answer (law 8): neither a late pull's `fork` nor another batch's verdicts concern
 * this request.
 */
export function isMine(replica: Replica, { request, response, delivery }: Answer): boolean {
  const { echo } = response;
  if (response.replicaId !== replica.replicaId || request.replicaId !== replica.replicaId)
    return false;
  if (echo.epoch !== replica.epoch || !jsonEquals(echo.last, replica.last)) return false;
  if (__UPDRAFT_PLANTED_BUG__ === 'no-hash-check') return true;
  return echo.nonce === (delivery?.nonce ?? null) && echo.hash === (request.hash ?? null);
}
