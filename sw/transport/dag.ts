import type { Credentials } from './credentials.ts';
import { DagExchange, type Remembered } from './dag-exchange.ts';
import { pathOf } from './dag-request.ts';
import type { Http } from './http.ts';
import type { CredentialsKind, SettledRuns, Transport } from './transport.ts';

const FORGET_TIMEOUT_MS = 20_000;

interface Deps {
  readonly http: Http;
  readonly credentials: Credentials;
  readonly randomHex: () => string;
  readonly sleep: (ms: number) => Promise<void>;
  readonly settledRuns?: SettledRuns | undefined;
}

/**
 * The exchange as a DAG run, over Airflow's stock REST API: trigger, wait, fetch the XCom. Run ids
 * of batches are deterministic, so a resend meets its own run (409), and GET confirms that the
 * request is equal.
 */
export function createDagTransport(deps: Deps): Transport {
  const remembered: Remembered = {};
  return {
    carriesPrivate: false,
    exchange: async (job, kind) => {
      const authorization = await deps.credentials.authorize(kind);
      if ('kind' in authorization) return authorization;
      const effect = await new DagExchange(deps, job, authorization, remembered).run();
      if (effect.kind === 'sign-in') await deps.credentials.forget(kind, authorization);
      return effect;
    },
    ...(deps.settledRuns === 'delete' ? { forget: (run, kind) => forget(deps, run, kind) } : {}),
  };
}

/**
 * Deletes the run. Without the right to delete runs, or without a network, the run is left to
 * Airflow's own clean-up; a resend needs the ledger only.
 */
async function forget(
  { http, credentials }: Deps,
  run: string,
  kind: CredentialsKind,
): Promise<void> {
  const authorization = await credentials.authorize(kind);
  if ('kind' in authorization) return;
  await http({ method: 'DELETE', path: pathOf(run), timeoutMs: FORGET_TIMEOUT_MS }, authorization);
}
