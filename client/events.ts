import { BROADCAST_CHANNEL, type Broadcast, type LoggedEvent, type Notice, type Snapshot } from '../shared/messages.ts';
import type { Status } from '../shared/status.ts';
import type { Handlers } from './handlers.ts';
import type { Head, Live } from './live.ts';
import type { Settling } from './settling.ts';
import type { WorkerLink } from './worker-link.ts';

/** A page's share of the events. */
export interface Events {
  /** Names the newest event told; opaque. */
  readonly cursor: () => string;
  readonly start: () => Promise<void>;
  readonly close: () => void;
}

interface Options {
  readonly user: string;
  readonly since?: string;
  readonly onTokenMissing: () => void;
  /** Credentials of the page's own, for the stream of news. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

const HEARTBEAT_MS = 20_000;
/** An idle visible page looks for news this often, in heartbeats: five minutes. */
const IDLE_BEATS = 15;

/**
 * Events come by broadcast; what a page missed (loading, frozen, worker killed before it could tell) comes by cursor with the next wake-up,
 * so that none is lost and none is told twice. Wake-ups: the browser is online again, the page is visible again, and a heartbeat
 * of one tab while work is left, seen or not.
 */
export class PageEvents implements Events {
  readonly #link: WorkerLink;
  readonly #settling: Settling;
  readonly #handlers: Handlers;
  readonly #onTokenMissing: () => void;
  readonly #since: string | undefined;
  readonly #user: string;
  readonly #headers: () => Promise<Readonly<Record<string, string>>>;
  readonly #channel = new BroadcastChannel(BROADCAST_CHANNEL);
  readonly #closed = new AbortController();
  readonly #ended = new Promise<void>((resolve) => this.#closed.signal.addEventListener('abort', () => resolve()));
  /** Messages of the time before the first answer, in order. */
  #early: Broadcast[] | undefined = [];
  #cursor = 0;
  /** The event log that the cursor counts in: a wiped database has another. */
  #log = '';
  #status: Status | undefined;
  #airflow = '';
  #live: Live | undefined;
  #isLoading = false;

  constructor(link: WorkerLink, settling: Settling, handlers: Handlers, options: Options) {
    this.#link = link;
    this.#settling = settling;
    this.#handlers = handlers;
    this.#onTokenMissing = options.onTokenMissing;
    this.#since = options.since;
    this.#user = options.user;
    this.#headers = options.headers;
    this.#channel.addEventListener('message', ({ data }: MessageEvent<Broadcast>) => {
      if (data.user !== options.user) return;
      if (this.#early) this.#early.push(data);
      else this.#receive(data);
    });
  }

  cursor = (): string => `${this.#log}:${this.#cursor}`;

  close = (): void => {
    this.#live?.close();
    this.#closed.abort();
    this.#channel.close();
  };

  async start(): Promise<void> {
    const hello = await this.#link.ask({ type: 'hello' });
    this.#log = hello.log;
    this.#settling.begin(hello.log);
    this.#cursor = hello.cursor;
    this.#airflow = hello.airflow;
    if (this.#since !== undefined) {
      // Without a cursor an app starts from now; with one it is told what it missed.
      const [log = '', cursor] = this.#since.split(':');
      this.#log = log;
      this.#cursor = Number(cursor) || 0;
    }
    this.#tellStatus(hello.status);
    const early = this.#early ?? [];
    this.#early = undefined;
    early.forEach((message) => this.#receive(message));
    if (this.#since !== undefined) this.#wake('visible');
    const { signal } = this.#closed;
    addEventListener('online', () => this.#wake('online'), { signal });
    document.addEventListener(
      'visibilitychange',
      () => {
        this.#listen();
        if (document.visibilityState !== 'visible') return;
        this.#lead(true);
        this.#wake('visible');
      },
      { signal },
    );
    this.#lead(document.visibilityState === 'visible');
    const beat = setInterval(this.#beat, HEARTBEAT_MS);
    signal.addEventListener('abort', () => clearInterval(beat));
  }

  #isLeader = false;
  #isQueued = false;
  /** One tab of a user beats for all. Browsers slow down the timers of hidden tabs, so the tab that comes into view takes the lead. */
  #lead(steal: boolean): void {
    if (this.#isLeader || (!steal && this.#isQueued)) return;
    if (!steal) this.#isQueued = true;
    navigator.locks
      .request(`updraft:beat:${this.#user}`, { steal }, () => {
        if (!steal) this.#isQueued = false;
        this.#isLeader = true;
        return this.#ended;
      })
      .catch(() => {
        this.#isLeader = false;
        this.#lead(false);
      });
  }

  #beats = 0;
  #beat = (): void => {
    const isBusy = !this.#status || this.#status.unsent + this.#status.pendingCalls + this.#status.followedCalls > 0 || !this.#status.ready;
    // Where news should come by themselves and do not, a question is cheap.
    const isDeaf = this.#status?.via === 'plugin' && !this.#live?.isOpen;
    const isVisible = document.visibilityState === 'visible';
    const isDue = this.#isLeader && (isBusy || (isVisible && (isDeaf || ++this.#beats % IDLE_BEATS === 0)));
    // A verdict that only this tab waits for may have been told while it could not hear.
    if (isDue || (isVisible && this.#settling.isWaiting())) this.#wake('heartbeat');
  };

  #wake(reason: 'online' | 'visible' | 'heartbeat'): void {
    if (this.#closed.signal.aborted) return;
    // A worker that does not answer now is asked again with the next wake-up.
    this.#link.ask({ type: 'wake', reason, log: this.#log, cursor: this.#cursor }).then(this.#catchUp, () => undefined);
  }

  #catchUp = ({ events, status, log, cursor, complete }: Snapshot): void => {
    if (log !== this.#log) {
      this.#log = log;
      this.#cursor = 0;
      this.#settling.begin(log);
    }
    if (!complete) this.#handlers.readAgain();
    events.forEach((event) => this.#tell(event));
    this.#cursor = Math.max(this.#cursor, cursor);
    this.#tellStatus(status);
  };

  #receive(message: Broadcast): void {
    if ('status' in message) this.#tellStatus(message.status);
    else if ('notice' in message) this.#notice(message.notice);
    // A broadcast that does not follow the last one means that some were missed: ask for them, in order.
    else if (message.log !== this.#log || (message.events[0]?.cursor ?? 0) > this.#cursor + 1) this.#wake('heartbeat');
    else message.events.forEach((event) => this.#tell(event));
  }

  #notice(notice: Notice): void {
    if (notice === 'storage-blocked') return this.#handlers.storageBlocked();
    // Told in whichever tab it was done: no tab of the user goes on with what it had.
    this.#handlers.signedOut({ kept: notice === 'signed-out' });
    // Nothing is asked any more: an answer would make a new database for a user who has left.
    if (notice === 'wiped') this.close();
    else this.#handlers.readAgain();
  }

  #tell(event: LoggedEvent): void {
    if (event.cursor <= this.#cursor) return;
    this.#cursor = event.cursor;
    if (event.type === 'settled') this.#settling.settle(event.settled);
    if (event.type === 'auth-required' && event.reason === 'missing') this.#onTokenMissing();
    this.#handlers.event(event);
  }

  #listen(): void {
    if (!this.#status || this.#closed.signal.aborted) return;
    if (this.#live) this.#live.update(this.#status);
    else if (this.#status.via === 'plugin' && !this.#isLoading) void this.#load();
  }

  /** Only where the plugin is: a page without a network has no use for it. */
  async #load(): Promise<void> {
    this.#isLoading = true;
    try {
      const { Live } = await import('./live.ts');
      // A worker that does not answer hears of it with the next wake-up.
      const onHead = (head: Head): void => void this.#link.ask({ type: 'news', ...head }).catch(() => undefined);
      this.#live = new Live({ user: this.#user, airflow: this.#airflow, headers: this.#headers, onHead });
      this.#listen();
    } catch {
      this.#isLoading = false;
    }
  }

  #tellStatus(status: Status): void {
    this.#status = status;
    this.#listen();
    this.#handlers.status(status);
  }
}
