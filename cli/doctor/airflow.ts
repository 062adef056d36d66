import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import { failed, ok, skipped, warning, type Verdict, type Verdicts } from './finding.ts';
import { isPage, isRedirect, targetOf, typeOf, type Answer } from './http.ts';
import { obstacle } from './page.ts';
import { detailOf, type Site } from './site.ts';

const WHY = 'nothing that is captured leaves the device';
const NGINX = 'proxy_pass http://airflow-api:8080;   (docs/install.md, "One origin, or two")';
/** Oldest release that the provider serves. */
const AIRFLOW_MIN = [3, 1, 8] as const;
export const HELLO = '/updraft/v1/hello';
const EXCHANGE = '/updraft/v1/exchange';
const CLOCK_WARNING_S = 30;
const CLOCK_FAILED_S = 120;

/** Airflow itself answers at the address that the worker uses. */
export async function* checkAirflow(site: Site): Verdicts {
  const airflow = await site.airflow();
  const reply = await site.askAirflow('/api/v2/version');
  yield obstacle(reply, airflow, WHY) ?? airflowVerdict(reply as Answer, airflow, site);
}

function airflowVerdict(answer: Answer, airflow: string, site: Site): Verdict {
  const { status, json } = answer;
  const look = `curl -i '${airflow}/api/v2/version'`;
  const path = new URL(airflow).pathname;
  if (isRedirect(answer)) {
    const where = `${targetOf(answer)} (${status})`;
    const what = `${airflow} sends on to ${where}: a sign-in, or http to https`;
    const mend = 'let the proxy pass /updraft/ and /api/ with Airflow’s own credentials';
    return failed(what, 'a worker follows no redirect: it waits (sign-in-page)', mend);
  }
  if (status >= 500) {
    const mend = `${look}   (then the logs of proxy and API server)`;
    return failed(`${airflow} answers ${status}: Airflow or the way to it is down`, WHY, mend);
  }
  if (status === 404) {
    const mend =
      `startUpdraft({ airflow: … });   (the path of [api] base_url), or\n` +
      `location ${path}/ { ${NGINX}`;
    return failed(`${airflow} answers 404: Airflow is not under this path`, WHY, mend);
  }
  if (isPage(answer) && /airflow/i.test(answer.text)) {
    const what = `Airflow answers at ${airflow}, and has another path there: it shows its own page`;
    const mend = `export AIRFLOW__API__BASE_URL=${airflow}   (and let the proxy keep the path)`;
    return failed(what, WHY, mend);
  }
  if (isPage(answer)) {
    const isApp = new URL(airflow).origin === site.app.origin;
    const who = isApp ? ': the app’s server answers itself' : '';
    const what = `${airflow} is a page, not Airflow${who}`;
    return failed(what, `${WHY} (waiting.for: not-airflow)`, `location ${path}/ { ${NGINX}`);
  }
  const version: unknown = Object(json).version;
  if (status !== 200 || typeof version !== 'string')
    return failed(`${airflow} answers ${status} ${typeOf(answer)}, not as Airflow does`, WHY, look);
  if (isOlder(version)) {
    const mend = `pip install --upgrade 'apache-airflow>=${AIRFLOW_MIN.join('.')}'`;
    return failed(`Airflow ${version} is older than ${AIRFLOW_MIN.join('.')}`, WHY, mend);
  }
  return ok(`Airflow ${version} at ${airflow}`);
}

function isOlder(version: string): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  for (const [at, least] of AIRFLOW_MIN.entries()) {
    const part = parts[at] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}

const PLUGIN_WHY = 'devices do not reach the plugin; they wait, or go by DAG runs';
const RESTART = 'pip install airflow-provider-updraft   (for the API server; restart it)';

/** The plugin answers, and asks for a sign-in. */
export async function* checkPlugin(site: Site): Verdicts {
  const url = (await site.airflow()) + HELLO;
  const reply = await site.askAirflow(HELLO);
  yield obstacle(reply, url, PLUGIN_WHY) ?? pluginVerdict(reply as Answer, url);
}

function pluginVerdict(answer: Answer, url: string): Verdict {
  const { status, text } = answer;
  const { kind, words } = detailOf(answer);
  if (Number(answer.headers['age'] ?? 0) > 0 || /\bhit\b/i.test(String(answer.headers['x-cache'])))
    return failed(
      `a cache answers ${url} in Airflow’s place`,
      'a device gets another’s answer, or an old one',
      'proxy_cache off;   (nginx, at Airflow’s location; Airflow says Cache-Control: no-store)',
    );
  if (status === 401 && words !== '') return ok('asks for a sign-in');
  if (status === 503 && kind !== '') {
    const mend = 'airflow updraft check   (where the API server runs)';
    return failed(`the plugin answers ${status}, ${kind}: ${words}`, PLUGIN_WHY, mend);
  }
  if (isPage(answer) && /airflow/i.test(text))
    return failed('this Airflow has no plugin: it answers with its own page', PLUGIN_WHY, RESTART);
  if (status === 404) {
    const what = `there is no ${HELLO} (404): no plugin, or a proxy that lets only /api/ pass`;
    return failed(what, PLUGIN_WHY, `${RESTART}, or\nlocation of /updraft/: ${NGINX}`);
  }
  if (status === 200 && 'protocol' in Object(answer.json)) {
    const mend = 'export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=False';
    const why = 'every device is the same user, and an administrator';
    return warning('everybody is let in without a sign-in', why, mend);
  }
  return failed(`${url} answers ${status} ${typeOf(answer)}`, PLUGIN_WHY, `curl -i '${url}'`);
}

/** The header `Authorization` arrives: a token that is none is refused as a token. */
export async function* checkAuthorization(site: Site): Verdicts {
  const reply = await site.askAirflow(HELLO, {
    headers: { authorization: 'Bearer updraft-doctor' },
  });
  const text = reply.kind === 'answer' ? reply.text : '';
  if (text.includes('Invalid JWT')) yield ok('the header Authorization reaches Airflow');
  else if (text.includes('Not authenticated')) {
    const why = 'apps that sign in with a token (getToken) are asked to sign in for ever';
    const mend =
      'proxy_set_header Authorization $http_authorization;   (nginx; and no auth_basic of its own)';
    yield failed('the header Authorization does not reach Airflow', why, mend);
  } else
    yield skipped(
      `a token that is none is answered ${reply.kind === 'answer' ? reply.status : reply.words}`,
    );
}

/**
 * A request as large as an exchange may be is let through. Signed in, the plugin reads all of the
 * body and refuses it in its own words; else an answer, or the end, may come before all is sent.
 */
export async function* checkRequestSize(site: Site): Verdicts {
  const bytes = TRANSPORT_LIMITS.plugin.requestBytesMax;
  const { token } = site;
  const reply = await site.askAirflow(EXCHANGE, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: new Uint8Array(bytes).fill(32),
  });
  const why = 'batches are split until they pass: slower, and a large record may not pass at all';
  const mend = 'client_max_body_size 2m;   (nginx, at Airflow’s location)';
  const came = reply.kind === 'none' ? reply.words : `answered ${reply.status}`;
  const what = `a request of ${bytes} bytes is refused (${came})`;
  if (reply.kind === 'answer' && reply.status === 413) yield failed(what, why, mend);
  else if (reply.kind === 'answer' && isOfAirflow(reply)) yield ok(`${bytes} bytes pass`);
  else if (token === undefined) yield skipped(`not known without a sign-in (${came})`);
  else yield failed(what, why, `${mend}, or let the firewall pass it`);
}

const isOfAirflow = (answer: Answer): boolean =>
  answer.status === 200 || ([401, 403].includes(answer.status) && detailOf(answer).words !== '');

/** Airflow's clock agrees with this computer's. */
export async function* checkClock(site: Site): Verdicts {
  const reply = await site.askAirflow('/api/v2/version');
  const told = reply.kind === 'answer' ? Date.parse(reply.headers.date ?? '') : Number.NaN;
  if (reply.kind === 'none' || Number.isNaN(told)) {
    yield skipped('no header Date came');
    return;
  }
  const skew = (told - reply.at) / 1_000;
  // The header counts in whole seconds.
  const apart = Math.max(0, Math.abs(skew) - 1);
  if (apart < CLOCK_WARNING_S) {
    yield ok('less than half a minute apart');
    return;
  }
  const side = skew > 0 ? 'ahead of' : 'behind';
  const what = `Airflow’s clock is ${Math.round(apart)} s ${side} this computer’s`;
  const why = 'a token is refused as not valid yet, or taken for expired';
  const mend = 'timedatectl set-ntp true   (on Airflow’s host, or here)';
  yield (apart >= CLOCK_FAILED_S ? failed : warning)(what, why, mend);
}
