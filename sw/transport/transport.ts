import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import type { AuthReason } from '../../shared/messages.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { Traffic } from './traffic.ts';

/** What a request's outcome means for the delivery. One function each (`classify…`) decides it. */
export type Effect =
  | { readonly effect: 'settle'; readonly response: ExchangeResponse; readonly via: TransportName; readonly run?: string }
  | { readonly effect: 'retry'; readonly for: 'network' | 'airflow'; readonly retryAfterMs?: number }
  | { readonly effect: 'next-attempt' } // the run failed, is missing, is another's, or has no result
  | { readonly effect: 'wait-run'; readonly paused: boolean } // accepted and not finished yet
  | { readonly effect: 'sign-in'; readonly reason: AuthReason }
  | { readonly effect: 'hold'; readonly for: 'dag-missing' | 'plugin-missing' | 'forbidden' | 'update' }
  | { readonly effect: 'refuse'; readonly reason: { readonly kind: string; readonly message: string } };

/** One exchange to make. */
export interface ExchangeJob {
  readonly request: ExchangeRequest;
  /** `null` for a pull, whose run id is random per attempt. */
  readonly delivery: { readonly number: number; readonly attempt: number; readonly acceptedRun?: string } | null;
  /** Called, and awaited, as soon as Airflow is known to have accepted the request. */
  readonly onAccepted: (run: string) => Promise<void>;
}

export type CredentialsKind = 'cookie' | 'memory' | 'sealed';

/** How an exchange travels. Resolves always: an expected failure is an effect. */
export interface Transport {
  /** Whether private collections (rule `own`) travel too: else a replica does not hold them. */
  readonly carriesPrivate: boolean;
  /** What has been transferred so far; absent where nobody counts. */
  readonly traffic?: Traffic;
  readonly exchange: (job: ExchangeJob, credentials: CredentialsKind) => Promise<Effect>;
  /** Takes a settled exchange's DAG run out of Airflow, where the user may; resolves either way. Absent where runs are kept, or there are none. */
  readonly forget?: (run: string, credentials: CredentialsKind) => Promise<void>;
}

/** What becomes of the DAG run of an exchange that is settled. */
export type SettledRuns = 'keep' | 'delete';
