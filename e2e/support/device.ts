import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  chromium,
  expect,
  type BrowserContext,
  type CDPSession,
  type Page,
} from '@playwright/test';
import type {
  Conflict,
  DeadLetter,
  OutboxEntry,
  Resolution,
  Row,
  Status,
} from '../../client/index.ts';
import type { Inspection } from '../../demo/src/collections.ts';
import { shared } from './airflow.ts';
import { endAtOnce, processesOf } from './browser-processes.ts';
import { eventually } from './eventually.ts';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Events that the page has received, in order. */
export interface Told {
  readonly type: 'conflict' | 'auth-required' | 'dead-letter' | 'status' | 'change' | 'settled';
  readonly detail: unknown;
}

export interface DeviceOptions {
  readonly url: string;
  /** Another command that starts the browser, in a separate network. */
  readonly executablePath?: string;
  readonly args?: readonly string[];
  /** An existing profile: the device as after being switched on again. */
  readonly profile?: string;
  /** A private window: nothing is written to the profile. */
  readonly isPrivate?: boolean;
}

/** A person's device: a separate browser profile with the demo. */
export class Device {
  readonly url: string;
  readonly context: BrowserContext;
  readonly profile: string;
  /** On a page of no origin, so that the session outlives the app's pages. */
  readonly cdp: CDPSession;
  #page: Page | undefined;

  private constructor(url: string, profile: string, context: BrowserContext, cdp: CDPSession) {
    this.url = url;
    this.profile = profile;
    this.context = context;
    this.cdp = cdp;
  }

  static async start({
    url,
    executablePath = shared().chromium,
    args = [],
    profile: old,
    isPrivate = false,
  }: DeviceOptions): Promise<Device> {
    const profile = old ?? (await mkdtemp(join(tmpdir(), 'updraft-e2e-')));
    // Playwright's own headless is the headless shell, which has no Background Sync.
    const options = { executablePath, headless: false, args: ['--headless=new', ...ARGS, ...args] };
    const viewport = { width: 1100, height: 900 };
    const context = isPrivate
      ? await (await chromium.launch(options)).newContext({ viewport })
      : await chromium.launchPersistentContext(profile, { ...options, viewport });
    await context.addInitScript(() => {
      Object.assign(window, {
        client: () => {
          if (!window.updraft) throw new Error('The page is not connected.');
          return window.updraft;
        },
      });
    });
    const blank = context.pages()[0] ?? (await context.newPage());
    return new Device(url, profile, context, await context.newCDPSession(blank));
  }

  /** Closes the browser, which first writes pending data. */
  async close(): Promise<void> {
    await this.context.close().catch(() => undefined);
    await this.context.browser()?.close();
  }

  /** Closes the browser and removes the profile. */
  async dispose(): Promise<void> {
    await this.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  /**
   * Kills the whole browser at once, as a crash or a flat battery would. The profile stays: a new
   * device can start from the profile.
   */
  async crash(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.context.once('close', () => resolve()));
    for (const pid of processesOf(this.profile)) endAtOnce(pid);
    await closed;
  }

  get page(): Page {
    if (!this.#page) throw new Error('The app is not open on this device.');
    return this.#page;
  }

  /** Opens the app in a tab. */
  async open(): Promise<Page> {
    this.#page = await this.context.newPage();
    await this.page.goto(this.url);
    return this.page;
  }

  /** Opens the app, signs in as a person does, and waits for the first pull. */
  async openSignedIn(user: string, { keep = false } = {}): Promise<Page> {
    await this.open();
    await this.signIn(user, { keep });
    await eventually(async () => (await this.status()).ready, 'the first pull').toBe(true);
    return this.page;
  }

  /**
   * Opens the app on a device that was in use before; the crash may have lost the last user's name.
   */
  async openAgain(user: string): Promise<void> {
    await this.open();
    const asked = this.page
      .getByTestId('user')
      .waitFor()
      .then(() => true);
    const connected = this.page
      .waitForFunction(() => window.updraft !== undefined)
      .then(() => false);
    if (await Promise.race([asked, connected])) await this.signIn(user, { keep: true });
    else await this.connected();
  }

  async signIn(user: string, { keep = false } = {}): Promise<void> {
    await this.page.getByTestId('user').fill(user);
    await this.page.getByTestId('password').fill(user);
    if (keep) await this.page.getByTestId('keep-signed-in').check();
    await this.page.getByTestId('sign-in').click();
    await this.connected();
  }

  /** Waits until the page has a client, and from then on notes every event. */
  async connected(): Promise<void> {
    await this.page.waitForFunction(() => window.updraft !== undefined);
    await this.page.evaluate(() => {
      const noted = window as unknown as {
        told?: { type: string; detail: unknown }[];
        toldBy?: unknown;
      };
      if (noted.toldBy === window.updraft) return;
      noted.toldBy = window.updraft;
      const told = (noted.told ??= []);
      for (const type of [
        'conflict',
        'auth-required',
        'dead-letter',
        'status',
        'change',
        'settled',
      ] as const) {
        window.updraft?.on(type, (detail: unknown) => told.push({ type, detail }));
      }
    });
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.connected();
  }

  /** Closes the app's tab; the browser stays, with no page of the app's origin open. */
  async closeTab(): Promise<void> {
    await this.page.close();
    this.#page = undefined;
    expect(this.context.pages().filter((page) => page.url().startsWith(this.url))).toEqual([]);
  }

  /**
   * Cuts or restores the network of page and worker. The worker is woken first: a pending sync may
   * be lost if the network is toggled while the worker is stopped.
   */
  async setOffline(offline: boolean): Promise<void> {
    if (this.#page) await this.status();
    await this.context.setOffline(offline);
  }

  /**
   * Captures without a network, so that all captures travel as a single batch, whatever the first
   * replay does.
   */
  async captureAsOneBatch(capture: () => Promise<unknown>): Promise<void> {
    await this.setOffline(true);
    await capture();
    await this.setOffline(false);
  }

  /**
   * Stops the running worker at once, as the browser may at any moment, and waits until the worker
   * is gone.
   */
  async killWorker(): Promise<void> {
    await (
      await this.aimAtWorker()
    )();
  }

  /** Prepares a kill: everything that takes time happens now; the returned function only kills. */
  async aimAtWorker(): Promise<() => Promise<void>> {
    const running = new Set<string>();
    let tellGone = (): void => undefined;
    const gone = new Promise<void>((resolve) => (tellGone = resolve));
    const note = ({
      versions,
    }: {
      versions: { versionId: string; runningStatus: string }[];
    }): void => {
      const before = running.size;
      for (const { versionId, runningStatus } of versions) {
        if (runningStatus === 'stopped') running.delete(versionId);
        else running.add(versionId);
      }
      if (before > 0 && running.size === 0) tellGone();
    };
    this.cdp.on('ServiceWorker.workerVersionUpdated', note);
    await this.cdp.send('ServiceWorker.enable');
    await eventually(() => running.size, 'a worker that can be killed').toBeGreaterThan(0);
    return async () => {
      await this.cdp.send('ServiceWorker.stopAllWorkers');
      await gone;
      this.cdp.off('ServiceWorker.workerVersionUpdated', note);
      await this.cdp.send('ServiceWorker.disable');
    };
  }

  /**
   * Waits for so many events of a type. Events are broadcast: an answer of the worker, such as that
   * of `sync`, may reach the page before the events of its own work.
   */
  async toldOf<T>(type: Told['type'], count: number): Promise<T[]> {
    await eventually(async () => (await this.told(type)).length, `${type} events`).toBe(count);
    return this.told<T>(type);
  }

  /** Returns the events received so far: later ones may be on their way. */
  async told<T>(type: Told['type']): Promise<T[]> {
    const told = await this.page.evaluate(
      () => (window as unknown as { told: { type: string; detail: unknown }[] }).told,
    );
    return told.filter((one) => one.type === type).map(({ detail }) => detail as T);
  }

  put(value: Inspection | Record<string, unknown>): Promise<void> {
    return this.page.evaluate(
      async (record) =>
        void (await client()
          .collection('inspections')
          .put(record as never)),
      value,
    );
  }

  patch(id: string, set: Partial<Inspection>): Promise<void> {
    return this.page.evaluate(
      async (change) =>
        void (await client().collection('inspections').patch(change.id, change.set)),
      { id, set },
    );
  }

  increment(id: string, visits: number): Promise<void> {
    return this.page.evaluate(
      async (change) =>
        void (await client()
          .collection('inspections')
          .increment(change.id, { visits: change.visits })),
      {
        id,
        visits,
      },
    );
  }

  delete(id: string): Promise<void> {
    return this.page.evaluate(
      async (one) => void (await client().collection('inspections').delete(one)),
      id,
    );
  }

  get(id: string): Promise<Row<Inspection> | null> {
    return this.page.evaluate((one) => client().collection('inspections').get(one), id);
  }

  /** Returns the inspections with this prefix, in the order of their ids. */
  async rows(prefix: string): Promise<Row<Inspection>[]> {
    const rows = await this.page.evaluate(() =>
      client().collection('inspections').query({ limit: 100_000 }),
    );
    return rows.filter(({ id }) => id.startsWith(prefix));
  }

  status(): Promise<Status> {
    return this.page.evaluate(() => client().status());
  }

  outbox(): Promise<readonly OutboxEntry[]> {
    return this.page.evaluate(() => client().outbox());
  }

  conflicts(): Promise<readonly Conflict[]> {
    return this.page.evaluate(() => client().conflicts());
  }

  deadLetters(): Promise<readonly DeadLetter[]> {
    return this.page.evaluate(() => client().deadLetters());
  }

  resolve(
    { id, theirsRevision }: Pick<Conflict, 'id' | 'theirsRevision'>,
    choices: Resolution,
  ): Promise<void> {
    const asked = { conflict: { id, theirsRevision }, choices: JSON.stringify(choices) };
    return this.page.evaluate(
      ({ conflict, choices: text }) => client().resolve(conflict, JSON.parse(text) as Resolution),
      asked,
    );
  }

  /** Replays and pulls now. */
  sync(): Promise<Status> {
    return this.page.evaluate(() => client().sync());
  }

  /** Waits until nothing of this device is unsettled. */
  async settled(timeout = 90_000): Promise<void> {
    await eventually(
      async () => (await this.status()).unsent,
      'changes not settled yet',
      timeout,
    ).toBe(0);
  }

  /** Brings every timed wake-up forward: syncs until nothing is unsettled. */
  async syncUntilSettled(timeout = 180_000): Promise<void> {
    const left = async (): Promise<unknown> => {
      if ((await this.status()).unsent === 0) return 0;
      const status = await this.sync();
      return status.unsent === 0 ? 0 : status;
    };
    await eventually(left, 'changes not settled yet', timeout).toBe(0);
  }
}

declare global {
  /** In the page: the connected client. */
  function client(): NonNullable<Window['updraft']>;
}
