import { failed, ok, skipped, warning, type Verdict, type Verdicts } from './finding.ts';
import { isPage, isRedirect, targetOf, typeOf, type Answer } from './http.ts';
import { obstacle } from './page.ts';
import { allows, policiesOf, policyInPage, type Policy } from './policy.ts';
import type { Site, WorkerFound } from './site.ts';

const WHY = 'the browser registers no worker: connect() rejects, and nothing can be captured';
const CHECK_OF_TYPES = ['text/javascript', 'application/javascript', 'application/x-javascript'];
const FROM: Readonly<Record<WorkerFound['from'], string>> = {
  named: '',
  page: ', as the page names it',
  guess: ', found under this name',
};

/** The worker's script is served as a script, and is one of Updraft. */
export async function* checkWorker(site: Site): Verdicts {
  const found = await site.worker();
  if (!found) {
    const mend = `npx airflow-updraft doctor '${site.app.href}' --worker /path/of/sw.js`;
    yield failed(
      'no worker was found: the page names none, and no usual name is served',
      WHY,
      mend,
    );
    return;
  }
  const hindered = obstacle(found.reply, found.url, WHY);
  if (hindered) yield hindered;
  else yield workerVerdict(found.reply as Answer, found);
}

function workerVerdict(answer: Answer, { url, from }: WorkerFound): Verdict {
  const { status, text } = answer;
  const path = new URL(url).pathname;
  if (isRedirect(answer)) {
    const what = `${url} sends on to ${targetOf(answer)} (${status})`;
    return failed(
      what,
      `browsers follow no redirect to a worker; ${WHY}`,
      `serve it at ${path} itself`,
    );
  }
  if (status !== 200)
    return failed(`${url} answers ${status}`, WHY, `deploy the worker's script at ${path}`);
  if (isPage(answer)) {
    const what = `${url} is a page, not a script: the server answers unknown paths with the app`;
    return failed(what, WHY, `deploy the worker's script at ${path}   (it is not there)`);
  }
  const type = typeOf(answer);
  if (!CHECK_OF_TYPES.includes(type)) {
    const mend = 'types { text/javascript js mjs; }   (nginx: include mime.types)';
    return failed(`${url} has the type ${type || 'none'}, not text/javascript`, WHY, mend);
  }
  if (new URL(url).search.includes('dev-sw')) return ok(`${url}: a development server's, in parts`);
  if (!/updraft/i.test(text)) {
    const mend = "startUpdraft({ airflow: '/airflow', collections });   (in the worker's script)";
    return failed(`${url} does not contain Updraft`, 'connect() waits in vain for an answer', mend);
  }
  if (/^\s*(import\s*["'{*\w]|export\s*[{*\w])/m.test(text)) {
    const why = 'registered as a classic script, which connect() does unless told, it is refused';
    const mend =
      "connect({ worker, type: 'module', user })   (or build the worker into one script)";
    return warning(`${url} is a module`, why, mend);
  }
  return ok(`${url}${FROM[from]}`);
}

/** The page lies in the worker's scope, and the server allows that scope. */
export async function* checkScope(site: Site): Verdicts {
  const found = await site.worker();
  if (found?.reply.kind !== 'answer') {
    yield skipped('there is no worker');
    return;
  }
  const folder = new URL('.', found.url).pathname;
  const scope = new URL(site.options.scope ?? folder, site.app).pathname;
  const allowed = found.reply.headers['service-worker-allowed'];
  const widest = allowed === undefined ? folder : new URL(String(allowed), found.url).pathname;
  if (!scope.startsWith(widest)) {
    const header = allowed === undefined ? 'there is none' : `it says ${widest}`;
    const what = `the scope ${scope} needs the header Service-Worker-Allowed, and ${header}`;
    yield failed(
      what,
      WHY,
      `add_header Service-Worker-Allowed ${scope};   (nginx, for the script)`,
    );
    return;
  }
  if (!site.app.pathname.startsWith(scope)) {
    const what = `the page ${site.app.pathname} is outside of the worker's scope ${scope}`;
    const why = 'the app does not open without a network, and does not count as open';
    const beside = `${new URL('.', site.app).pathname}sw.js`;
    const mend = `serve the worker's script beside the page, as ${beside}`;
    yield failed(what, why, mend);
    return;
  }
  yield ok(`${scope} holds the page`);
}

const WORKER_SOURCES = ['worker-src', 'child-src', 'script-src', 'default-src'];
const CONNECT_SOURCES = ['connect-src', 'default-src'];

/** The Content-Security-Policy of page and worker lets them be used. */
export async function* checkPolicy(site: Site): Verdicts {
  const [page, worker, airflow] = await Promise.all([site.page(), site.worker(), site.airflow()]);
  if (page.kind !== 'answer' || worker?.reply.kind !== 'answer') {
    yield skipped('no answer');
    return;
  }
  const ofPage = [
    ...policiesOf(page.headers['content-security-policy'] as string | undefined),
    ...policiesOf(policyInPage(page.text)),
  ];
  const ofWorker = policiesOf(
    worker.reply.headers['content-security-policy'] as string | undefined,
  );
  const own = site.app.origin;
  const refuses = (policies: readonly Policy[], names: readonly string[], url: string): boolean =>
    policies.some((policy) => !allows(policy, names, new URL(url), own));
  const found = [
    refuses(ofPage, WORKER_SOURCES, worker.url) &&
      refusal("the page's", 'worker-src', worker.url, own, WHY),
    refuses(ofPage, CONNECT_SOURCES, airflow) &&
      refusal("the page's", 'connect-src', airflow, own, 'open pages hear no news of Airflow'),
    refuses(ofWorker, CONNECT_SOURCES, airflow) &&
      refusal("the worker's", 'connect-src', airflow, own, 'the worker sends nothing'),
  ].filter((verdict) => verdict !== false);
  if (found.length > 0) yield* found;
  else yield ok(ofPage.length + ofWorker.length > 0 ? 'lets worker and Airflow be used' : 'none');
}

function refusal(whose: string, name: string, url: string, own: string, why: string): Verdict {
  const { origin } = new URL(url);
  const what = `${whose} Content-Security-Policy does not let ${url} be used`;
  return failed(what, why, `${name} 'self'${origin === own ? '' : ` ${origin}`};`, name);
}
