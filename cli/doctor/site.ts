import { existsSync } from 'node:fs';
import type { LookupFunction } from 'node:net';
import { airflowNamedIn, isPrebuilt, scriptsOf, workersNamedIn } from './guesses.ts';
import { ask, isPage, type Answer, type Question, type Reply } from './http.ts';

/** Answers of the command line, and of tests. */
export interface SiteOptions {
  /** URL of the app's page. */
  readonly app: string;
  readonly worker?: string;
  readonly scope?: string;
  /** Path on the app's origin, or a URL. */
  readonly airflow?: string;
  /** Path on the app's origin, a URL, or a file of this computer. */
  readonly collections?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Path of a Chromium. */
  readonly browser?: string;
  readonly patienceMs?: number;
  /** Time for the first line of the live stream. */
  readonly livePatienceMs?: number;
  readonly lookup?: LookupFunction;
}

/** The worker's address, and where it is known from. */
export interface WorkerFound {
  readonly url: string;
  readonly from: 'named' | 'page' | 'guess';
  readonly reply: Reply;
}

const PATIENCE_MS = 5_000;
const SCRIPTS_MAX = 10;
const NAMED_MAX = 10;
const USUAL_WORKERS = ['sw.js', 'updraft-sw.js', 'service-worker.js', 'dev-sw.js?dev-sw'];

/**
 * The app and its Airflow, as a browser would reach them. Each answer is asked for once; every
 * request is one that changes nothing.
 */
export class Site {
  readonly options: SiteOptions;
  readonly app: URL;
  readonly patienceMs: number;
  readonly #replies = new Map<string, Promise<Reply>>();
  #worker: Promise<WorkerFound | undefined> | undefined;
  #token: string | undefined;

  constructor(options: SiteOptions) {
    this.options = options;
    this.app = new URL(options.app);
    this.patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#token = options.token;
  }

  /** The token to sign in with: the one that was given, or one that Airflow gave. */
  get token(): string | undefined {
    return this.#token;
  }

  signedIn(token: string): void {
    this.#token = token;
  }

  ask(url: string, question: Partial<Question> = {}): Promise<Reply> {
    const { lookup } = this.options;
    const patienceMs = this.patienceMs;
    return ask(url, { patienceMs, ...(lookup ? { lookup } : {}), ...question });
  }

  /** Fetches a file once, however many checks look at it. */
  get(url: string): Promise<Reply> {
    const before = this.#replies.get(url);
    if (before) return before;
    const reply = this.ask(url);
    this.#replies.set(url, reply);
    return reply;
  }

  page(): Promise<Reply> {
    return this.get(this.app.href);
  }

  /** Finds the worker: as named, as the page's scripts name it, or under one of the usual names. */
  worker(): Promise<WorkerFound | undefined> {
    return (this.#worker ??= this.#findWorker());
  }

  async #findWorker(): Promise<WorkerFound | undefined> {
    const { worker } = this.options;
    if (worker !== undefined) return this.#workerAt(worker, 'named');
    const named = await this.#workersInPage();
    for (const place of named) {
      const found = await this.#workerAt(place, 'page');
      if (isScript(found.reply)) return found;
    }
    for (const name of USUAL_WORKERS)
      for (const base of new Set([new URL('.', this.app).href, new URL('/', this.app).href])) {
        const found = await this.#workerAt(new URL(name, base).href, 'guess');
        if (isScript(found.reply)) return found;
      }
    const missing = named.find((place) => !place.includes('dev-sw')) ?? named[0];
    return missing === undefined ? undefined : this.#workerAt(missing, 'page');
  }

  async #workerAt(address: string, from: WorkerFound['from']): Promise<WorkerFound> {
    const { href } = new URL(address, this.app);
    return { url: href, from, reply: await this.get(href) };
  }

  async #workersInPage(): Promise<string[]> {
    const page = await this.page();
    if (page.kind !== 'answer') return [];
    const scripts = scriptsOf(page.text, this.app).slice(0, SCRIPTS_MAX);
    const texts = await Promise.all(scripts.map((url) => this.get(url)));
    return [page, ...texts]
      .filter((reply) => reply.kind === 'answer')
      .flatMap(({ text }) => workersNamedIn(text))
      .slice(0, NAMED_MAX);
  }

  /** URL of Airflow, without a slash at its end. */
  async airflow(): Promise<string> {
    const worker = await this.worker();
    const reply = worker?.reply;
    const path =
      this.options.airflow ??
      (worker && new URL(worker.url).searchParams.get('airflow')) ??
      (worker && !isPrebuilt(worker.url) && reply?.kind === 'answer'
        ? airflowNamedIn(reply.text)
        : undefined) ??
      '/airflow';
    return new URL(path, this.app).href.replace(/\/+$/, '');
  }

  async isOneOrigin(): Promise<boolean> {
    return new URL(await this.airflow()).origin === this.app.origin;
  }

  /**
   * URL or file of `collections.json`. Undefined where it is built into the app's own worker and
   * nobody said where else it is.
   */
  async collections(): Promise<string | undefined> {
    const { collections } = this.options;
    if (collections !== undefined)
      return isFile(collections) ? collections : new URL(collections, this.app).href;
    const worker = await this.worker();
    if (!worker || !isPrebuilt(worker.url)) return undefined;
    const asked = new URL(worker.url).searchParams.get('collections') ?? '/collections.json';
    return new URL(asked, this.app.origin).href;
  }

  /** Asks a route of the plugin or of Airflow, as the worker does. */
  async askAirflow(path: string, question: Partial<Question> = {}): Promise<Reply> {
    const headers = { accept: 'application/json', 'x-updraft': '1', ...question.headers };
    return this.ask((await this.airflow()) + path, { ...question, headers });
  }
}

const isScript = (reply: Reply): boolean =>
  reply.kind === 'answer' && reply.status === 200 && !isPage(reply);

/** Whether a name is a file of this computer; a path of the app looks alike. */
const isFile = (name: string): boolean => existsSync(name) || !/^(\/|https?:)/.test(name);

/** Whether an answer has Airflow's form of a refusal, with these words. */
export function detailOf({ json }: Answer): { readonly kind: string; readonly words: string } {
  const detail: unknown = Object(json).detail;
  if (typeof detail === 'string') return { kind: '', words: detail };
  const { kind = '', message = '' } = Object(detail) as { kind?: unknown; message?: unknown };
  return { kind: String(kind), words: String(message) };
}
