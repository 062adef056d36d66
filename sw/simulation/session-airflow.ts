import type { Batch } from '../../shared/batch.ts';
import type { ExchangeRequest } from '../../shared/exchange.ts';
import type { Authorization, Http, HttpReply, HttpRequest } from '../transport/http.ts';
import { FakeAirflow } from './fake-airflow.ts';

/** How a request is refused before anything looks at the contents. */
export type Refusal = 'token-401' | 'token-403' | 'forbidden';

const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const REFUSALS: Readonly<Record<Refusal, HttpReply>> = {
  'token-401': json(401, { detail: 'Not authenticated' }),
  'token-403': json(403, { detail: 'Invalid JWT token' }),
  forbidden: json(403, { detail: 'Forbidden' }),
};
/** The user whose token is fetched for a session. */
const SESSION = 'session';

/**
 * An Airflow with several users, for both transports: tokens, the session cookie of one browser,
 * rights. Each user has a store.
 */
export class SessionAirflow {
  readonly stores: Readonly<Record<string, FakeAirflow>>;
  /** The user of the browser's cookie. */
  session: string | undefined;
  /** How revoked tokens are refused. */
  refusal: Refusal = 'token-401';
  readonly forbidden = new Set<string>();
  /**
   * The newest protocol of the provider, which speaks the one before too, and reads nothing of a
   * request of any other.
   */
  protocol = 2;
  /** How often the exchange has answered each user. */
  readonly answered: Record<string, number> = {};
  /**
   * Requests for a user's data with another user's credentials: `transport named authenticated`.
   */
  readonly strayed: string[] = [];
  /** Lost once each: the request, or the answer. */
  readonly losses: ('request' | 'answer')[] = [];
  readonly #revoked = new Set<string>();
  readonly #issued = new Map<string, string>();
  readonly #runs = new Map<
    string,
    { readonly conf: unknown; readonly result: string; readonly by: string }
  >();

  constructor(users: readonly string[]) {
    this.stores = Object.fromEntries(users.map((user) => [user, new FakeAirflow()]));
  }

  /** Returns a new token of the user. */
  issue(user: string): string {
    const token = `${user} ${this.#issued.size}`;
    this.#issued.set(token, user);
    return token;
  }

  /** Revokes the user's tokens. */
  revoke(user: string): void {
    for (const [token, whose] of this.#issued) if (whose === user) this.#revoked.add(token);
  }

  readonly http: Http = async (request, authorization) => {
    const isExchange =
      request.method === 'POST' && request.body !== undefined && request.body.includes('replicaId');
    const loss = isExchange ? this.losses.shift() : undefined;
    if (loss === 'request') return { kind: 'failed', why: 'network' };
    const reply = this.#answer(request, authorization);
    return loss === 'answer' ? { kind: 'failed', why: 'network' } : reply;
  };

  #answer(request: HttpRequest, authorization: Authorization): HttpReply {
    const user = this.#userOf(authorization);
    if (user === undefined) return REFUSALS[this.refusal];
    const path = request.path.split('?')[0] ?? '';
    if (path.startsWith('/ui/auth/token'))
      return json(200, { access_token: this.issue(SESSION + user) });
    if (path === '/ui/auth/me') return json(200, { username: user });
    if (this.forbidden.has(user)) return REFUSALS.forbidden;
    if (path === '/updraft/v1/hello') return json(200, { ...this.#spoken(), user });
    if (path === '/updraft/v1/exchange')
      return json(
        200,
        this.#exchange('plugin', user, JSON.parse(request.body ?? '') as ExchangeRequest),
      );
    return this.#run(request, path, user);
  }

  #userOf({ headers, credentials }: Authorization): string | undefined {
    const token = headers['authorization']?.replace('Bearer ', '');
    if (token === undefined) return credentials === 'same-origin' ? this.session : undefined;
    return this.#revoked.has(token) ? undefined : this.#issued.get(token)?.replace(SESSION, '');
  }

  /** A provider of version 1 knew no version before. */
  #spoken(): { readonly protocol: number; readonly newest?: number } {
    const { protocol } = this;
    return protocol <= 1 ? { protocol } : { protocol: protocol - 1, newest: protocol };
  }

  #exchange(by: 'plugin' | 'dag', user: string, request: ExchangeRequest): unknown {
    const { replicaId, epoch, since, floor, last, batch } = request;
    const store = this.stores[user];
    const echo = {
      epoch,
      since,
      floor,
      last,
      nonce: batch === undefined ? null : (JSON.parse(batch) as Batch).nonce,
      hash: request.hash ?? null,
    };
    const nothing = { reset: false, start: floor, changes: [], upTo: since, more: false };
    const refused = { replicaId, echo, epoch: 'e1', ...nothing };
    const { protocol: oldest, newest = oldest } = this.#spoken();
    if (request.protocol < oldest || request.protocol > newest)
      return {
        ...refused,
        protocol: newest,
        refused: 'invalid',
        reason: { kind: 'protocol', message: 'this server speaks another' },
      };
    if (request.user === user && store) {
      this.answered[user] = (this.answered[user] ?? 0) + 1;
      return store.exchange(request);
    }
    this.strayed.push(`${by} ${request.user} ${user}`);
    return { ...refused, protocol: request.protocol, refused: 'user_mismatch' };
  }

  #run({ method, body }: HttpRequest, path: string, by: string): HttpReply {
    if (method === 'POST') {
      const { dag_run_id: id, conf } = JSON.parse(body ?? '') as {
        dag_run_id: string;
        conf: { updraft?: string };
      };
      if (this.#runs.has(id))
        return json(409, { detail: { reason: 'Unique constraint violation' } });
      // A run without a request tells whether runs get through at all.
      const result =
        conf.updraft === undefined
          ? null
          : this.#exchange('dag', by, JSON.parse(conf.updraft) as ExchangeRequest);
      this.#runs.set(id, { conf, by, result: JSON.stringify(result) });
      return json(200, { dag_run_id: id, dag_id: 'updraft_exchange', triggering_user_name: by });
    }
    if (path.endsWith('/details')) return json(200, { dag_id: 'updraft_exchange', doc_md: null });
    const id = decodeURIComponent(path.split('/dagRuns/')[1]?.split('/')[0] ?? '');
    const run = this.#runs.get(id);
    if (!run) return json(404, { detail: 'The DagRun was not found' });
    if (path.endsWith('/wait')) return json(200, { state: 'success' });
    return json(
      200,
      path.endsWith('/return_value')
        ? { value: run.result }
        : { dag_run_id: id, state: 'success', conf: run.conf },
    );
  }
}
