import { join } from 'node:path';
import type { AirflowStatus } from '../../scripts/lib/airflow-server.mjs';
import { stateRoot } from '../../scripts/lib/paths.mjs';
import { lane } from './lane.ts';

/**
 * State folder of the tests' own server, so that tests may stop that server and never fill the
 * server a person looks at.
 */
export const testState =
  process.env['UPDRAFT_E2E_STATE'] ?? join(stateRoot, lane === 0 ? 'e2e' : `e2e-${lane}`);

/** The global setup's message to the workers. */
export interface Shared {
  readonly airflow: AirflowStatus;
  readonly chromium: string;
  readonly dir: string;
}
const KEY = 'UPDRAFT_E2E_SHARED';

export const share = (shared: Shared): void => {
  process.env[KEY] = JSON.stringify(shared);
};

export const shared = (): Shared => {
  const text = process.env[KEY];
  if (text === undefined) throw new Error('The global setup has not run.');
  return JSON.parse(text) as Shared;
};

export interface DagRun {
  readonly dag_run_id: string;
  readonly state: string;
  readonly triggering_user_name: string | null;
  readonly conf: { readonly updraft?: string };
}

/** Airflow's REST API from an office, bypassing the browser and all code under test. */
export class AirflowApi {
  readonly #url: string;
  readonly #tokens = new Map<string, Promise<string>>();
  constructor(url: string) {
    this.#url = url;
  }

  token(user: string): Promise<string> {
    const known = this.#tokens.get(user) ?? this.newToken(user);
    this.#tokens.set(user, known);
    return known;
  }

  /** The session cookie of a person who has signed in to Airflow's own pages. */
  async cookie(
    user: string,
  ): Promise<{ name: string; value: string; domain: string; path: string }> {
    const value = await this.token(user);
    return { name: '_token', value, domain: '127.0.0.1', path: '/airflow/' };
  }

  async newToken(user: string): Promise<string> {
    const { body } = await send(`${this.#url}/auth/token`, 'POST', {
      username: user,
      password: user,
    });
    return (body as { access_token: string }).access_token;
  }

  async call(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    body?: object,
    user = 'admin',
  ): Promise<{ status: number; body: unknown }> {
    return send(`${this.#url}/api/v2${path}`, method, body, await this.token(user));
  }

  /** Sends an exchange by the plugin with this body, unchecked. */
  async exchange(request: object, user: string): Promise<{ status: number; body: unknown }> {
    return send(`${this.#url}/updraft/v1/exchange`, 'POST', request, await this.token(user));
  }

  /** Returns the exchange's runs whose ids have this prefix, oldest first. */
  async runs(prefix: string): Promise<DagRun[]> {
    const query = new URLSearchParams({
      run_id_pattern: `${prefix}%`,
      order_by: 'id',
      limit: '100',
    });
    const { body } = await this.call('GET', `/dags/updraft_exchange/dagRuns?${query}`);
    return (body as { dag_runs: DagRun[] }).dag_runs.filter(({ dag_run_id }) =>
      dag_run_id.startsWith(prefix),
    );
  }

  /** Returns the runs that carried batches of this replica, without pulls. */
  async batchRuns(replicaId: string): Promise<DagRun[]> {
    return (await this.runs(`updraft__${replicaId}__`)).filter(
      ({ dag_run_id }) => !dag_run_id.includes('__pull__'),
    );
  }
}

async function send(
  url: string,
  method: string,
  body?: object,
  token?: string,
): Promise<{ status: number; body: unknown }> {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const response = await fetch(url, {
    method,
    headers,
    signal: AbortSignal.timeout(20_000),
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: await response.json() };
}
