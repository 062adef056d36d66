import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { Reason } from '../../shared/verdict.ts';
import type { Traffic } from './traffic.ts';

/**
 * The effect of a request's outcome on the delivery, decided by one function each (`classify…`).
 */
export type Effect =
  /**
   * `isEarlier`: the run of an earlier attempt, which may have read the server store before this
   * exchange was requested.
   */
  | {
      readonly kind: 'settle';
      readonly response: ExchangeResponse;
      readonly via: TransportName;
      readonly run?: string;
      readonly isEarlier?: true;
    }
  | {
      readonly kind: 'retry';
      readonly for: TriedAgainFor;
      readonly retryAfterMs?: number;
      readonly message?: string;
    }
  | { readonly kind: 'next-attempt' } // the run failed, is missing, or has no result
  | { readonly kind: 'wait-run'; readonly paused: boolean } // accepted and not finished yet
  | { readonly kind: 'sign-in'; readonly reason: AuthReason }
  | {
      readonly kind: 'hold';
      readonly for: 'dag-missing' | 'plugin-missing' | 'forbidden' | 'store' | 'update';
      readonly retryAfterMs?: number;
      readonly message?: string;
    }
  | { readonly kind: 'refuse'; readonly reason: Reason }
  /**
   * The request with the batch was refused, by Airflow or on the route, or never answered; a
   * request without data took the same route and was answered.
   */
  | {
      readonly kind: 'turned-away';
      readonly reason: Reason;
      readonly status?: number;
      readonly retryAfterMs?: number;
    };

/**
 * Trouble that passes, as far as anyone can tell. `message`: the server's own words, for a person.
 */
export type TriedAgainFor = 'network' | 'airflow' | 'not-airflow' | 'sign-in-page';

/** The input of one exchange. */
export interface ExchangeJob {
  readonly request: ExchangeRequest;
  /** `null` for a pull, whose run id is random. */
  readonly delivery: {
    readonly number: number;
    readonly attempt: number;
    readonly acceptedRun?: string;
  } | null;
  /** Called, and awaited, as soon as Airflow is known to have accepted the request. */
  readonly onAccepted: (run: string) => Promise<void>;
}

export type CredentialsKind = 'cookie' | 'memory' | 'sealed';

/** The route of an exchange. Always resolves: an expected failure is an effect. */
export interface Transport {
  /**
   * Whether private collections (rule `own`) travel too; otherwise a replica does not hold such
   * collections.
   */
  readonly carriesPrivate: boolean;
  /** The bytes transferred so far; absent where nobody counts. */
  readonly traffic?: Traffic;
  readonly exchange: (job: ExchangeJob, credentials: CredentialsKind) => Promise<Effect>;
  /**
   * Deletes a settled exchange's DAG run where the user may; resolves either way. Absent where runs
   * are kept, or there are no runs.
   */
  readonly forget?: (run: string, credentials: CredentialsKind) => Promise<void>;
}

/** The fate of the DAG run of a settled exchange. */
export type SettledRuns = 'keep' | 'delete';
