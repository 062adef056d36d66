import { failed, ok, type Verdict, type Verdicts } from './finding.ts';
import { isPage, isRedirect, targetOf, typeOf, type Answer, type Reply } from './http.ts';
import type { Site } from './site.ts';

/** Verdicts that any file may get: it is not there, or arrives changed. */
export function obstacle(reply: Reply, file: string, why: string): Verdict | undefined {
  if (reply.kind === 'none') {
    const isCertificate = /CERT|SELF_SIGNED|ALTNAME|ISSUER/.test(reply.code);
    const mend = isCertificate
      ? 'give the server a certificate that browsers trust, with the whole chain'
      : `curl -i '${reply.url}'   (then start the server that should answer)`;
    return failed(`${file} cannot be reached: ${reply.words}`, why, mend);
  }
  if (reply.garbled === undefined) return undefined;
  const mend =
    'let one server compress, and keep its Content-Encoding: gzip off;   (nginx, where another ' +
    'compresses already)';
  return failed(`${file} arrives garbled: ${reply.garbled}`, why, mend);
}

const PAGE_WHY = 'nobody can open the app';

/** The app's page is served. */
export async function* checkPage(site: Site): Verdicts {
  const reply = await site.page();
  const file = site.app.href;
  const hindered = obstacle(reply, file, PAGE_WHY);
  if (hindered) yield hindered;
  else yield pageVerdict(reply as Answer, file);
}

function pageVerdict(answer: Answer, file: string): Verdict {
  const { status } = answer;
  const look = `curl -i '${file}'`;
  if (isRedirect(answer)) {
    const what = `${file} sends on to ${targetOf(answer)} (${status})`;
    const mend = `name the page itself: npx airflow-updraft doctor '${targetOf(answer)}'`;
    return failed(what, 'this page is not the app, or a sign-in stands before it', mend);
  }
  if (status >= 500)
    return failed(`${file} answers ${status}`, PAGE_WHY, `${look}   (then the server's log)`);
  if (status !== 200)
    return failed(
      `${file} answers ${status}`,
      PAGE_WHY,
      'correct the URL, or deploy the app there',
    );
  if (!isPage(answer))
    return failed(
      `${file} is ${typeOf(answer) || 'of no type'}, not text/html`,
      'a browser shows or saves it as a file instead of opening the app',
      'add_header Content-Type text/html;   (nginx: include mime.types)',
    );
  return ok(`${file} is a page`);
}

const isHere = (host: string): boolean =>
  /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);

/** Browsers run service workers in secure contexts alone, and let those speak to https alone. */
export async function* checkSecureContext(site: Site): Verdicts {
  const { app } = site;
  if (app.protocol !== 'https:' && !isHere(app.hostname)) {
    const what = `${app.origin} is no secure context`;
    const why = 'browsers run service workers over https alone, and on localhost: nothing is kept';
    yield failed(what, why, `serve the app by https:   https://${app.host}${app.pathname}`);
    return;
  }
  const airflow = new URL(await site.airflow());
  if (app.protocol === 'https:' && airflow.protocol === 'http:' && !isHere(airflow.hostname)) {
    const why = 'browsers let no page of https speak to http (mixed content): nothing is sent';
    const mend =
      'serve Airflow by https, or under the app\'s origin (docs/install.md, "One origin")';
    yield failed(`the app is https, and Airflow is ${airflow.origin}`, why, mend);
    return;
  }
  yield ok(app.protocol === 'https:' ? 'https' : `${app.hostname} counts as one`);
}
