import type { UpdraftError } from '../shared/errors.ts';
import type { Broadcast, LoggedEvent, Notice, Snapshot } from '../shared/messages.ts';
import { isLive, newerStatus, type Status } from '../shared/status.ts';
import type { Handlers } from './handlers.ts';
import type { Head, Live } from './live.ts';
import type { Settling } from './settling.ts';
import type { WorkerLink } from './worker-link.ts';

/** The page's side of the event log. */
export interface Events {
  /** Cursor of the newest event told; opaque. */
  readonly cursor: () => string;
  readonly newest: (arrived: Status) => Status;
  readonly start: () => Promise<void>;
  readonly close: () => void;
}

interface Options {
  readonly user: string;
  /** The worker's scope, a part of each lock's name: apps of an origin must share no locks. */
  readonly app: string;
  readonly since?: string | null;
  readonly onTokenMissing: () => void;
  /** The page's own credentials, for the live stream. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

/** A worker of messages version 3 has a single channel for the whole origin. */
function channelOfOldWorker(error: UpdraftError): string {
  if (error.kind === 'bad-message') return 'updraft';
  throw error;
}

const HEARTBEAT_MS = 20_000;
/** An idle visible page asks for news once in so many heartbeats: every five minutes. */
const IDLE_BEATS = 15;

/**
 * Delivers every event exactly once to the page. Events come by broadcast; an event that the page
 * missed (loading, frozen, worker killed before telling) comes by cursor with the next wake-up.
 * Wake-ups: the browser is online again, the page is visible again, and a heartbeat of a single tab
 * while work is left, visible or not.
 */
export class PageEvents implements Events {
  readonly #link: WorkerLink;
  readonly #settling: Settling;
  readonly #handlers: Handlers;
  readonly #onTokenMissing: () => void;
  readonly #since: string | undefined;
  /** App and user, as a part of the names of locks; a scope holds no space. */
  readonly #user: string;
  readonly #headers: () => Promise<Readonly<Record<string, string>>>;
  #channel: BroadcastChannel | undefined;
  readonly #isMine: (message: Broadcast) => boolean;
  readonly #closed = new AbortController();
  readonly #ended = new Promise<void>((resolve) =>
    this.#closed.signal.addEventListener('abort', () => resolve()),
  );
  /** Messages received before the first answer, in order. */
  #early: Broadcast[] | undefined = [];
  #cursor = 0;
  /** The event log that the cursor counts in: a new database has a new log. */
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
    this.#since = options.since ?? undefined;
    this.#user = `${options.app} ${options.user}`;
    this.#headers = options.headers;
    this.#isMine = ({ user }) => user === options.user;
  }

  cursor = (): string => `${this.#log}:${this.#cursor}`;

  close = (): void => {
    this.#live?.close();
    this.#closed.abort();
    this.#channel?.close();
  };

  async start(): Promise<void> {
    // Opened before the first question, so that no event after the answer is missed.
    this.#channel = new BroadcastChannel(
      await this.#link.ask({ type: 'channel' }).catch(channelOfOldWorker),
    );
    this.#channel.addEventListener('message', ({ data }: MessageEvent<Broadcast>) => {
      if (!this.#isMine(data)) return;
      if (this.#early) this.#early.push(data);
      else this.#receive(data);
    });
    const hello = await this.#link.ask({ type: 'hello' });
    this.#log = hello.log;
    this.#settling.begin(hello.log);
    this.#cursor = hello.cursor;
    this.#airflow = hello.airflow;
    if (this.#since !== undefined) {
      // Without a cursor an app starts from now; with a cursor all later events are told.
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
  /**
   * Elects a tab of a user to send heartbeats for all. Browsers slow down the timers of hidden
   * tabs, so the tab that becomes visible takes the lead.
   */
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
    const isBusy =
      !this.#status ||
      this.#status.unsent + this.#status.pendingCalls + this.#status.followedCalls > 0 ||
      !this.#status.ready;
    // The live stream should bring news and is closed: ask at each heartbeat.
    const isDeaf = this.#status && isLive(this.#status) && !this.#live?.isOpen;
    const isVisible = document.visibilityState === 'visible';
    const isDue =
      this.#isLeader && (isBusy || (isVisible && (isDeaf || ++this.#beats % IDLE_BEATS === 0)));
    // A verdict that only this tab waits for may have been broadcast while the tab was frozen.
    if (isDue || (isVisible && this.#settling.isWaiting())) this.#wake('heartbeat');
  };

  #wake(reason: 'online' | 'visible' | 'heartbeat'): void {
    if (this.#closed.signal.aborted) return;
    // A worker that does not answer now is asked again with the next wake-up.
    this.#link
      .ask({ type: 'wake', reason, log: this.#log, cursor: this.#cursor })
      .then(this.#catchUp, () => undefined);
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
    // A gap in the cursors means that broadcasts were missed: ask for the events, in order.
    else if (message.log !== this.#log || (message.events[0]?.cursor ?? 0) > this.#cursor + 1)
      this.#wake('heartbeat');
    else message.events.forEach((event) => this.#tell(event));
  }

  #notice(notice: Notice): void {
    if (notice === 'storage-blocked') return this.#handlers.storageBlocked();
    // Told to every tab of the user: none may go on with the records shown.
    this.#handlers.signedOut({ kept: notice === 'signed-out' });
    // Ask nothing more: an answer would create a new database for a user who has left.
    if (notice === 'wiped') this.close();
    else this.#handlers.readAgain();
  }

  #tell(event: LoggedEvent): void {
    if (event.cursor <= this.#cursor) return;
    this.#cursor = event.cursor;
    if (event.type === 'settled') this.#settling.settle(event.settled);
    if (event.type === 'auth-required' && (event.renew || event.reason === 'missing'))
      this.#onTokenMissing();
    this.#handlers.event(event);
  }

  #listen(): void {
    if (!this.#status || this.#closed.signal.aborted) return;
    if (this.#live) this.#live.update({ live: isLive(this.#status), auth: this.#status.auth });
    else if (isLive(this.#status) && !this.#isLoading) void this.#load();
  }

  /** Loads the live stream only where the plugin is in use: the other transport has none. */
  async #load(): Promise<void> {
    this.#isLoading = true;
    try {
      const { Live } = await import('./live.ts');
      // A worker that does not answer gets the news with the next wake-up.
      const onHead = (head: Head): void =>
        void this.#link.ask({ type: 'news', ...head }).catch(() => undefined);
      this.#live = new Live({
        user: this.#user,
        airflow: this.#airflow,
        headers: this.#headers,
        onHead,
      });
      this.#listen();
    } catch {
      this.#isLoading = false;
    }
  }

  /**
   * Remembers and returns the newest known status: an answer may arrive after an event that was
   * told later.
   */
  newest = (arrived: Status): Status => (this.#status = newerStatus(this.#status, arrived));

  /** Tells the newest known status to every handler, even when an older status has just arrived. */
  #tellStatus(arrived: Status): void {
    const status = this.newest(arrived);
    this.#listen();
    this.#handlers.status(status);
  }
}
