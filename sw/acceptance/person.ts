import { readCollections, type Declarations } from '../../shared/collections.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { CallEntry, CallRequest, CallState, PendingInputs } from '../../shared/calls.ts';
import type { Row } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import { SimulatedDevice } from '../simulation/device.ts';
import { createAirflowApi } from '../calls/airflow-session.ts';
import { createTransport } from '../transport/create-transport.ts';
import { createCredentials } from '../transport/credentials.ts';
import { createHttp } from '../transport/http.ts';
import type { SettledRuns } from '../transport/transport.ts';
import collections from './collections.json' with { type: 'json' };

/**
 * Address of the suite's Airflow (with `/airflow`, no trailing slash), and the kind of its store.
 */
export interface AcceptanceServer {
  readonly url: string;
  readonly store: string;
  /** The provider's Python and its folder. */
  readonly python: string;
  readonly provider: string;
}
declare module 'vitest' {
  interface ProvidedContext {
    server: AcceptanceServer;
  }
}

export const DECLARATIONS = readCollections(collections);
const PUBLIC = Object.fromEntries(
  Object.entries(DECLARATIONS).filter(([name]) => name !== 'diary'),
);

/** The fate of the next request that matches: the server answers, and the answer is lost. */
export class LostAnswers {
  #pattern: RegExp | undefined;
  lost = 0;
  /** `METHOD path` of every request, in order. */
  readonly log: string[] = [];
  #method: string | undefined;
  loseNext(pattern: RegExp, method?: string): void {
    this.#pattern = pattern;
    this.#method = method;
  }
  fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    const method = init?.method ?? 'GET';
    this.log.push(`${method} ${new URL(url).pathname}`);
    const response = await fetch(input, init);
    if (!this.#pattern?.test(url) || (this.#method ?? method) !== method) return response;
    await response.arrayBuffer();
    this.#pattern = undefined;
    this.lost++;
    throw new TypeError('the connection was reset');
  };
}

/** An attempt waits up to 25 s for a DAG run, and a test has three minutes. */
const RUN_LOOKS_MAX = 4;

interface SignIn {
  /** The user of the token that is really sent. */
  readonly as?: string;
  readonly holdsPrivate?: boolean;
  readonly token?: string;
  readonly settledRuns?: SettledRuns;
  /** The declarations of an app that was deployed before or after Airflow's. */
  readonly declared?: Declarations;
}

/**
 * A person's device: the worker's engine and its real transport, on a database in memory, against a
 * real Airflow.
 */
export class Person extends SimulatedDevice {
  readonly wire: LostAnswers;

  private constructor(
    options: ConstructorParameters<typeof SimulatedDevice>[0],
    wire: LostAnswers,
  ) {
    super(options);
    this.wire = wire;
  }

  /** Returns a device after its sign-in. */
  static async signIn(
    server: AcceptanceServer,
    via: TransportName | 'auto',
    user: string,
    { as = user, holdsPrivate = false, token, settledRuns, declared }: SignIn = {},
  ): Promise<Person> {
    const wire = new LostAnswers();
    const http = createHttp(server.url, wire.fetch, () => Date.now());
    const random = Math.random;
    const randomHex = (): string =>
      Array.from({ length: 20 }, () => Math.floor(random() * 16).toString(16)).join('');
    const vault = {
      seal: async () => undefined,
      open: async () => undefined,
      drop: async () => undefined,
    };
    const credentials = createCredentials({ user, http, vault, randomHex });
    await credentials.signIn('memory', token ?? (await tokenOf(server, as)));
    const declarations = declared ?? (holdsPrivate ? DECLARATIONS : PUBLIC);
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const transport = createTransport(via, {
      user,
      http,
      credentials,
      declarations: () => declarations,
      randomHex,
      sleep,
      now: Date.now,
      settledRuns,
    });
    const calls = {
      allowed: { triggerDagRun: true, respondToHumanInput: true, clearTaskInstances: true },
      api: createAirflowApi({ http, credentials }),
    } as const;
    const person = new Person({ user, declarations, transport, random, calls }, wire);
    await person.ask({
      type: 'sign-in',
      credentials: { kind: 'memory', token: 'the transport has its own' },
    });
    return person;
  }

  /**
   * Exchanges until nothing moves; returns the final status. The device's own clock stands still,
   * so a DAG run that outlasts an attempt is looked at again here, in the place of the timer.
   */
  async sync(): Promise<Status> {
    for (let look = 1; ; look++) {
      await this.drain('person');
      const status = (await this.ask({ type: 'status' })) as Status;
      if (status.waiting?.for !== 'run' || look === RUN_LOOKS_MAX) return status;
    }
  }

  /** Queues a call; returns its name. */
  async call(request: CallRequest): Promise<string> {
    return (
      (await this.ask({
        type: 'call',
        requestId: `call-${this.now}-${Math.random()}`,
        request,
      })) as { id: string }
    ).id;
  }

  async callState(id: string): Promise<CallState | undefined> {
    return ((await this.ask({ type: 'calls' })) as readonly CallEntry[]).find(
      (call) => call.id === id,
    )?.state;
  }

  async inputs(): Promise<PendingInputs> {
    return (await this.ask({ type: 'pending-inputs' })) as PendingInputs;
  }

  async value(collection: string, id: string): Promise<unknown> {
    return ((await this.ask({ type: 'get', collection, id })) as Row | null)?.value;
  }

  async put(collection: string, value: Row['value']): Promise<void> {
    const captured = await this.capture(collection, { op: 'put', value });
    if (captured instanceof Error) throw captured;
  }

  async patch(collection: string, id: string, set: object): Promise<void> {
    const captured = await this.capture(collection, { op: 'patch', id, set, removed: [] });
    if (captured instanceof Error) throw captured;
  }
}

/** Returns Airflow's own token for a demo user, whose password is the name. */
export async function tokenOf(server: AcceptanceServer, user: string): Promise<string> {
  const answer = await fetch(`${server.url}/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: user, password: user }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}

/** Calls Airflow's REST API as an administrator. */
export async function airflowApi(
  server: AcceptanceServer,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const answer = await fetch(`${server.url}/api/v2${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${await tokenOf(server, 'admin')}`,
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}
