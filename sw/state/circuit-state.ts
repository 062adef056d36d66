/**
 * The circuit: whether Airflow may be asked.
 *
 *   closed ──struggles──▶ open ──due, or pressing──▶ half-open ──answered──▶ closed
 *                          ▲                            │
 *                          └──────── struggles ─────────┘
 */
export type CircuitState =
  | { readonly kind: 'closed' }
  | OpenCircuit
  /** `until`: a probe without an answer by then has failed. */
  | { readonly kind: 'half-open'; readonly before: OpenCircuit; readonly until: number };

/**
 * Stored, so that a new worker does not begin by asking a server in trouble. `until`: ms since
 * 1970.
 */
export interface OpenCircuit {
  readonly kind: 'open';
  readonly failures: number;
  readonly until: number;
}

/**
 * A request's evidence about Airflow. `struggles`: 5xx, 429, an answer that is not Airflow's, or
 * none while online. `unsent`: nothing was asked, or the device was offline.
 */
export type CircuitReport =
  | { readonly kind: 'answered' }
  | { readonly kind: 'unsent' }
  | { readonly kind: 'struggles'; readonly retryAfterMs?: number | undefined };
