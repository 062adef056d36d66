import { UpdraftError } from '../shared/errors.ts';
import { newId } from '../shared/ids.ts';
import type { ChangeCommand } from '../shared/messages.ts';
import type { Query, Row, Settled } from '../shared/row.ts';
import type { Settling } from './settling.ts';
import type { WorkerLink } from './worker-link.ts';

/** What a capture gives back once it is on disk. */
export interface Receipt {
  readonly id: string;
  /** Resolves when the server has given its verdict, which may be days later. Not kept over a reload: watch the rows for that. */
  readonly settled: Promise<Settled>;
}

type Numbers<T> = { readonly [K in keyof T as T[K] extends number | undefined ? K : never]?: number };

/** One collection, as this device sees it. Every change is durable when its promise resolves: it survives a killed tab, worker or browser. */
export interface Collection<T extends { id: string }> {
  /** Stores the whole record: what differs from what this device saw is captured. Rejects with a typed `UpdraftError` and stores nothing if it cannot. */
  put: (value: T) => Promise<Receipt>;
  /** Like `put`, but rejects with `exists` when the record is there. */
  add: (value: T) => Promise<Receipt>;
  /** Changes the fields given; `undefined` removes one. Rejects with `not-found` when this device has no such record. */
  patch: (id: string, set: { readonly [K in keyof Omit<T, 'id'>]?: T[K] | undefined }) => Promise<Receipt>;
  /** Adds to numbers; increments of several devices sum up instead of conflicting. */
  increment: (id: string, by: Numbers<T>) => Promise<Receipt>;
  delete: (id: string) => Promise<Receipt>;
  get: (id: string) => Promise<Row<T> | null>;
  /** Rows in the order of one index (of the id without one), 1,000 at most unless `limit` says otherwise. */
  query: (query?: Query) => Promise<readonly Row<T>[]>;
}

/** Fields to set, and those whose value is `undefined` to remove. */
export function splitFields(fields: Readonly<Record<string, unknown>>): { set: Record<string, unknown>; removed: string[] } {
  const entries = Object.entries(fields);
  return {
    set: Object.fromEntries(entries.filter(([, value]) => value !== undefined)),
    removed: entries.filter(([, value]) => value === undefined).map(([field]) => field),
  };
}

export function createCollection<T extends { id: string }>(collection: string, link: WorkerLink, settling: Settling): Collection<T> {
  const capture = async (change: ChangeCommand): Promise<Receipt> => {
    const { id, seq, log, settled } = await ask({ type: 'capture', requestId: newId(), collection, change });
    settling.begin(log);
    return { id, settled: settled ? Promise.resolve({ collection, id, lastSeq: seq, verdict: 'merged' }) : settling.of(collection, id, seq) };
  };
  const ask: WorkerLink['ask'] = async (command) => {
    try {
      return await link.ask(command);
    } catch (error) {
      // postMessage refuses what cannot be copied: functions, DOM nodes, …
      if (error instanceof DOMException && error.name === 'DataCloneError') throw new UpdraftError('not-json', `The record cannot be stored: ${error.message}`);
      throw error;
    }
  };
  return {
    put: (value) => capture({ op: 'put', value }),
    add: (value) => capture({ op: 'add', value }),
    patch: (id, fields) => capture({ op: 'patch', id, ...splitFields(fields) }),
    increment: (id, by) => capture({ op: 'increment', id, by: by as Record<string, number> }),
    delete: (id) => capture({ op: 'delete', id }),
    get: (id) => ask({ type: 'get', collection, id }) as Promise<Row<T> | null>,
    query: (query = {}) => ask({ type: 'query', collection, query }) as Promise<readonly Row<T>[]>,
  };
}
