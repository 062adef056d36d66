import { DevtoolsPipe } from './devtools-pipe.ts';
import { failed, ok, skipped, type Verdict, type Verdicts } from './finding.ts';
import type { Site } from './site.ts';

const PATIENCE_MS = 30_000;
const WHY = 'the browser registers no worker: connect() rejects, and nothing can be captured';

/** How a worker's installation ended in the browser. */
interface Installed {
  readonly state?: string;
  readonly error?: string;
  /** The worker's own last words. */
  readonly words?: string;
}

/** A real browser installs the worker, and the worker leaves Airflow's own pages alone. */
export async function* checkBrowser(site: Site): Verdicts {
  const { browser } = site.options;
  if (browser === undefined) {
    yield skipped('name a Chromium: --browser /usr/bin/chromium');
    return;
  }
  let pipe: DevtoolsPipe;
  try {
    pipe = await DevtoolsPipe.start(browser, PATIENCE_MS);
  } catch (error) {
    yield skipped(`${browser} does not start: ${(error as Error).message}`);
    return;
  }
  try {
    await pipe.open(site.app.href);
    const verdict = await workerVerdict(site, pipe);
    yield verdict;
    if (verdict.state === 'ok') yield await navigationVerdict(site, pipe);
  } finally {
    await pipe.close();
  }
}

async function workerVerdict(site: Site, pipe: DevtoolsPipe): Promise<Verdict> {
  const url = (await site.worker())?.url ?? '';
  const type = url.includes('dev-sw') ? 'module' : 'classic';
  const { scope } = site.options;
  const options = JSON.stringify({ type, ...(scope === undefined ? {} : { scope }) });
  const { state, error, words } = (await pipe.evaluate(
    `(${install.toString()})(${JSON.stringify(url)}, ${options})`,
  )) as Installed;
  const mend = 'look at the worker’s errors: chrome://serviceworker-internals';
  if (error !== undefined)
    return failed(`the browser refuses the worker: ${error}`, WHY, mend, 'worker');
  if (state === 'redundant')
    return failed(
      `the worker’s installation fails: ${words ?? 'its script, or a file that it precaches'}`,
      WHY,
      mend,
      'worker',
    );
  return ok('the browser installs the worker', 'worker');
}

/** In the page: registers the worker, and waits until its installation has ended. */
async function install(url: string, options: RegistrationOptions): Promise<Installed> {
  const { serviceWorker } = navigator;
  let words: string | undefined;
  serviceWorker.addEventListener('message', ({ data }: MessageEvent) => {
    words ??= data?.updraftFailed?.message;
  });
  serviceWorker.startMessages();
  try {
    const registration = await serviceWorker.register(url, options);
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    const hasEnded = (): boolean => /activated|redundant/.test(worker?.state ?? 'redundant');
    await new Promise<void>((resolve) => {
      const look = (): void => void (hasEnded() && resolve());
      worker?.addEventListener('statechange', look);
      look();
    });
    return { state: worker?.state ?? 'redundant', ...(words === undefined ? {} : { words }) };
  } catch (error) {
    return { error: String(error) };
  }
}

/** The answer to a navigation, as the DevTools protocol tells it. */
interface Document {
  readonly requestId: string;
  readonly response: { readonly fromServiceWorker: boolean };
}

/** A navigation to Airflow's sign-in has to reach Airflow, whatever the worker answers. */
async function navigationVerdict(site: Site, pipe: DevtoolsPipe): Promise<Verdict> {
  if (!(await site.isOneOrigin()))
    return skipped('two origins: no worker answers Airflow’s pages', 'navigation');
  const page = await site.page();
  const url = `${await site.airflow()}/auth/login`;
  let document: Document | undefined;
  pipe.on('Network.responseReceived', (told) => {
    if (told['type'] === 'Document') document = told as unknown as Document;
  });
  await pipe.open(url);
  const app = page.kind === 'answer' ? page.text : '';
  if (document?.response.fromServiceWorker === true) {
    const { requestId } = document;
    const body = String((await pipe.send('Network.getResponseBody', { requestId }))['body']);
    if (body.trim() === app.trim() || titleOf(body) === titleOf(app))
      return failed(
        `the worker answers ${url} with the app`,
        'nobody can sign in: Airflow’s own page is never shown',
        'new NavigationRoute(app, { denylist: [/^\\/airflow(\\/|$)/] });   (docs/in-your-pwa.md)',
        'navigation',
      );
  }
  return ok(`${url} reaches Airflow`, 'navigation');
}

const titleOf = (html: string): string => /<title>([^<]*)/i.exec(html)?.[1]?.trim() ?? '';
