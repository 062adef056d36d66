import { failed, ok, type Verdict, type Verdicts } from './finding.ts';
import { HELLO } from './airflow.ts';
import type { Answer, Reply } from './http.ts';
import type { Site } from './site.ts';

/** Requests of a device to another origin, with the headers that the browser asks about first. */
interface Crossing {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: readonly string[];
}

const RUNS = '/api/v2/dags/updraft_exchange/dagRuns';
const READ = ['authorization', 'x-updraft'];
const WRITE = ['authorization', 'content-type', 'x-updraft'];
const CROSSINGS: readonly Crossing[] = [
  { method: 'GET', path: HELLO, headers: READ },
  {
    method: 'POST',
    path: '/updraft/v1/exchange',
    headers: ['authorization', 'content-encoding', 'content-type', 'x-updraft'],
  },
  // The answer to a task that waits for a person.
  { method: 'PATCH', path: `${RUNS}/a/taskInstances/b/-1/hitlDetails`, headers: WRITE },
];
const DELETING: Crossing = { method: 'DELETE', path: `${RUNS}/a`, headers: READ };
/** Methods that need no permission by name; a server may refuse them all the same. */
const SAFELISTED: readonly string[] = ['GET', 'POST'];

/** Airflow on another origin allows origin, methods and headers of the app. */
export async function* checkCors(site: Site): Verdicts {
  if (await site.isOneOrigin()) {
    yield ok('one origin: app and Airflow share theirs');
    return;
  }
  const worker = await site.worker();
  const deletes = worker && new URL(worker.url).searchParams.get('settledRuns') === 'delete';
  const found = new Map<string, Verdict>();
  for (const crossing of deletes ? [...CROSSINGS, DELETING] : CROSSINGS)
    for (const verdict of refusalsOf(await preflight(site, crossing), crossing, site.app.origin))
      if (!found.has(verdict.about)) found.set(verdict.about, verdict);
  const actual = await site.askAirflow(HELLO, { headers: { origin: site.app.origin } });
  if (found.size === 0 && actual.kind === 'answer')
    for (const verdict of originRefusals(actual, site.app.origin, 'an answer'))
      found.set(verdict.about, verdict);
  if (found.size > 0) yield* found.values();
  else yield ok(`${site.app.origin} may use ${CROSSINGS.map(({ method }) => method).join(', ')}`);
}

const preflight = (site: Site, { method, path, headers }: Crossing): Promise<Reply> =>
  site.airflow().then((airflow) =>
    site.ask(airflow + path, {
      method: 'OPTIONS',
      headers: {
        origin: site.app.origin,
        'access-control-request-method': method,
        'access-control-request-headers': headers.join(','),
      },
    }),
  );

const WHY = 'the browser refuses the answer: devices report no network, and nothing is sent';

function refusalsOf(reply: Reply, { method, headers }: Crossing, origin: string): Verdict[] {
  if (reply.kind === 'none') {
    const what = `OPTIONS for ${method} gets no answer: ${reply.words}`;
    return [failed(what, WHY, `curl -i -X OPTIONS '${reply.url}'`, 'status')];
  }
  const refused = originRefusals(reply, origin, 'the answer to OPTIONS');
  if (refused.length > 0) return refused;
  const methods = namesIn(reply.headers['access-control-allow-methods'], 'upper');
  const allowed = namesIn(reply.headers['access-control-allow-headers'], 'lower');
  const isSuccess = reply.status >= 200 && reply.status < 300;
  // A server that refuses says so by the status too; a list of allowed methods lacks the rest.
  const isAllowed = methods.some((name) => name === method || name === '*');
  const isMethodMissing = !isAllowed && (!SAFELISTED.includes(method) || !isSuccess);
  // A star does not stand for Authorization.
  const missing = headers.filter(
    (name) => !allowed.includes(name) && (name === 'authorization' || !allowed.includes('*')),
  );
  const problems = [
    ...(isMethodMissing ? [methodRefusal(method)] : []),
    ...missing.map(headerRefusal),
  ];
  return problems.length > 0 || isSuccess ? problems : [statusRefusal(reply, method)];
}

function originRefusals({ headers }: Answer, origin: string, where: string): Verdict[] {
  const allowed = headers['access-control-allow-origin'];
  if (allowed === origin || allowed === '*') return [];
  const mend = `export AIRFLOW__API__ACCESS_CONTROL_ALLOW_ORIGINS=${origin}`;
  if (allowed?.includes(','))
    return [
      failed(
        `${where} names Access-Control-Allow-Origin twice: ${allowed}`,
        WHY,
        'proxy_hide_header Access-Control-Allow-Origin;   (Airflow alone is to say it)',
        'origin',
      ),
    ];
  const what = `${where} of Airflow does not allow the origin ${origin}`;
  return [failed(`${what}: ${allowed ?? 'no header'}`, WHY, mend, 'origin')];
}

const methodRefusal = (method: string): Verdict =>
  failed(
    `Airflow does not allow the method ${method} from another origin`,
    WHY,
    'export AIRFLOW__API__ACCESS_CONTROL_ALLOW_METHODS=GET,POST,PATCH' +
      (method === 'DELETE' ? ',DELETE' : ''),
    method,
  );

const headerRefusal = (header: string): Verdict =>
  failed(
    `Airflow does not allow the header ${header} from another origin`,
    WHY,
    'export AIRFLOW__API__ACCESS_CONTROL_ALLOW_HEADERS=' +
      'authorization,content-type,content-encoding,x-updraft',
    header,
  );

const statusRefusal = ({ status, url }: Answer, method: string): Verdict =>
  failed(
    `OPTIONS for ${method} is answered ${status}: a sign-in or filter before Airflow refuses it`,
    WHY,
    `let OPTIONS pass without credentials: ${new URL(url).pathname}`,
    'status',
  );

const namesIn = (header: string | undefined, letters: 'upper' | 'lower'): string[] =>
  (header ?? '')
    .split(',')
    .map((name) => name.trim())
    .map((name) => (letters === 'upper' ? name.toUpperCase() : name.toLowerCase()));
