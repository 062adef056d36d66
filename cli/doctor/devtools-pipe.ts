import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

type Params = Readonly<Record<string, unknown>>;
type Event = (params: Params) => void;

const FLAGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
];

/**
 * A Chromium of its own with a new profile, spoken to over a pipe: messages of the DevTools
 * protocol, each ended by a zero byte. Needs no package and opens no port.
 */
export class DevtoolsPipe {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #patienceMs: number;
  readonly #waiting = new Map<number, (answer: Params) => void>();
  readonly #listeners = new Map<string, Event[]>();
  #number = 0;
  #rest = '';
  #session: string | undefined;

  private constructor(child: ChildProcess, profile: string, patienceMs: number) {
    this.#child = child;
    this.#profile = profile;
    this.#patienceMs = patienceMs;
    const [, , , commands, answers] = child.stdio as readonly unknown[] as [
      unknown,
      unknown,
      unknown,
      Writable,
      Readable,
    ];
    // A browser that ends is told of by its exit.
    for (const stream of [commands, answers]) stream?.on('error', () => undefined);
    answers?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  /** Starts the browser with an empty page; rejects where it does not start. */
  static async start(browser: string, patienceMs: number): Promise<DevtoolsPipe> {
    const profile = await mkdtemp(join(tmpdir(), 'updraft-doctor-'));
    // Chromium refuses to run as root with its sandbox.
    const isRoot = process.getuid?.() === 0;
    const flags = [...FLAGS, ...(isRoot ? ['--no-sandbox'] : []), `--user-data-dir=${profile}`];
    const child = spawn(browser, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    const pipe = new DevtoolsPipe(child, profile, patienceMs);
    try {
      await once(child, 'spawn');
      await pipe.#attach();
      return pipe;
    } catch (error) {
      await pipe.close();
      throw error;
    }
  }

  async #attach(): Promise<void> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const attached = await this.send('Target.attachToTarget', { targetId, flatten: true });
    this.#session = String(attached['sessionId']);
    await this.send('Page.enable');
    await this.send('Network.enable');
  }

  /** Sends a command; rejects with the browser's words, or after the patience. */
  async send(method: string, params: Params = {}): Promise<Params> {
    const id = ++this.#number;
    const sessionId = this.#session;
    const answer = new Promise<Params>((resolve) => this.#waiting.set(id, resolve));
    const message = JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) });
    (this.#child.stdio[3] as Writable).write(`${message}\0`);
    const { error, result } = (await this.#within(answer, method)) as {
      readonly error?: { readonly message: string };
      readonly result?: Params;
    };
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  on(event: string, listener: Event): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.on('Page.loadEventFired', () => resolve()));
    const { errorText } = await this.send('Page.navigate', { url });
    if (typeof errorText === 'string') throw new Error(`${url}: ${errorText}`);
    await this.#within(loaded, url);
  }

  /** Evaluates an expression in the page; a promise is awaited. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { awaitPromise: true, returnByValue: true };
    const answer = await this.send('Runtime.evaluate', { expression, ...options });
    return (answer['result'] as Params)['value'];
  }

  async close(): Promise<void> {
    if (this.#child.pid !== undefined && this.#child.exitCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 3 });
  }

  #read(text: string): void {
    const messages = (this.#rest + text).split('\0');
    this.#rest = messages.pop() ?? '';
    for (const message of messages) {
      const { id, method, params, ...answer } = JSON.parse(message) as {
        readonly id?: number;
        readonly method?: string;
        readonly params?: Params;
      } & Params;
      if (id !== undefined) {
        this.#waiting.get(id)?.(answer);
        this.#waiting.delete(id);
      } else this.#listeners.get(method ?? '')?.forEach((listener) => listener(params ?? {}));
    }
  }

  /** Waits for a step, and for no longer than the patience, or than the browser lives. */
  async #within<T>(step: Promise<T>, name: string): Promise<T> {
    const stop = new AbortController();
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name}: no answer`)), this.#patienceMs);
      stop.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    const gone = once(this.#child, 'exit', { signal: stop.signal }).then(() => {
      throw new Error('the browser ended');
    });
    gone.catch(() => undefined);
    try {
      return await Promise.race([step, late, gone]);
    } finally {
      stop.abort();
    }
  }
}
