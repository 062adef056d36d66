import { connect } from '../../client/index.ts';
import { recordsOf, type BenchRecord } from '../records.ts';
import { bulkPut, settledRows } from './bulk-put.ts';

/** Captures that wait for an answer at any moment. */
const IN_FLIGHT = 1_000;
const PUSHED_AT_ONCE = 500;

const updraft = (user: string) =>
  connect<{ inspections: BenchRecord }>({ registration: ready, user });
let ready: ServiceWorkerRegistration;
let client: Awaited<ReturnType<typeof updraft>>;

async function register(script: string): Promise<void> {
  await navigator.serviceWorker.register(script, { type: 'module' });
  ready = await navigator.serviceWorker.ready;
}

/** The bench's commands to the page; moments are in ms since 1970. */
const bench = {
  async connect(user: string): Promise<void> {
    await register('/updraft.js');
    await fetch('/airflow/bench/records', { method: 'PUT' });
    client = await updraft(user);
    await client.signIn({ cookie: true });
    await client.sync();
  },

  /** Resolves when all captures are on disk. */
  async capture(prefix: string, count: number): Promise<void> {
    const records = recordsOf(prefix, count);
    for (let n = 0; n < count; n += IN_FLIGHT)
      await Promise.all(
        records
          .slice(n, n + IN_FLIGHT)
          .map((record) => client.collection('inspections').put(record)),
      );
  },

  /** Returns the moment the last record was settled. */
  async settled(): Promise<number> {
    await client.whenSettled();
    return Date.now();
  },

  status: () => client.status(),

  /** Starts the worker of the raw Workbox queue, and creates the table of the raw route. */
  async prepare(): Promise<void> {
    await register('/workbox.js');
    await fetch('/airflow/bench/records', { method: 'PUT' });
  },

  /** Fills the raw Workbox queue. */
  async push(prefix: string, count: number): Promise<void> {
    for (let from = 0; from < count; from += PUSHED_AT_ONCE) {
      const { port1, port2 } = new MessageChannel();
      const pushed = new Promise<number>(
        (resolve) => (port1.onmessage = ({ data }: MessageEvent<number>) => resolve(data)),
      );
      ready.active?.postMessage({ prefix, from, to: Math.min(count, from + PUSHED_AT_ONCE) }, [
        port2,
      ]);
      await pushed;
    }
  },

  /** Returns the moment Workbox's queue was empty. */
  replayed: (): Promise<number> =>
    new Promise((resolve) => {
      new BroadcastChannel('workbox').onmessage = ({ data }: MessageEvent<{ left: number }>) => {
        if (data.left === 0) resolve(Date.now());
      };
    }),

  /** Milliseconds of a single POST of all records, to the end of the answer. */
  async post(prefix: string, count: number): Promise<number> {
    const body = JSON.stringify(recordsOf(prefix, count));
    const begun = performance.now();
    const response = await fetch('/airflow/bench/records', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const { stored } = (await response.json()) as { stored: number };
    if (stored !== count) throw new Error(`The route stored ${stored} of ${count} records.`);
    return performance.now() - begun;
  },

  /**
   * Milliseconds of a single put of these records' rows into a store made like the replica's, and
   * into a store without indexes.
   */
  async put(user: string, count: number): Promise<{ likeOurs: number; plain: number }> {
    const rows = await settledRows(user);
    if (rows.rows.length !== count)
      throw new Error(`The replica holds ${rows.rows.length} of ${count} records.`);
    return { likeOurs: await bulkPut(rows, true), plain: await bulkPut(rows, false) };
  },
};

export type BenchPage = typeof bench;
Object.assign(window, { bench });
