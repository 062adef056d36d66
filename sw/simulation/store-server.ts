import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExchangeRequest } from '../../shared/exchange.ts';
import type { Doc } from '../../shared/json.ts';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const PYTHON = fromRoot('.updraft/venv/bin/python');

/** A row of the server store. */
export interface StoreRow {
  readonly collection: string;
  readonly id: string;
  readonly revision: number;
  readonly fields: Omit<Doc, 'id'>;
  readonly deleted: boolean;
}

/** Actions of Airflow itself on the store. */
export type AirflowChange =
  | { readonly put: { readonly collection: string; readonly record: Doc } }
  | { readonly delete: { readonly collection: string; readonly id: string } };

/** The provider's real exchange in another process, with a store for each simulation. */
export class StoreServer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: ((line: string) => void)[] = [];
  #stores = 0;

  constructor() {
    if (!existsSync(PYTHON))
      throw new Error(
        'The simulation needs the Python environment. Run "npm test" once; it sets it up.',
      );
    this.#process = spawn(PYTHON, [fromRoot('provider/tests/simulation_server.py')]);
    createInterface({ input: this.#process.stdout }).on('line', (line) =>
      this.#answers.shift()?.(line),
    );
    this.#process.stderr.pipe(process.stderr);
  }

  async open(collections: object): Promise<SimulatedStore> {
    const store = `s${++this.#stores}`;
    const ask = (command: object): Promise<unknown> => this.#ask({ store, ...command });
    await ask({ do: 'open', collections });
    return {
      exchange: (user, request) => ask({ do: 'exchange', user, request }),
      change: async (change) => void (await ask({ do: 'change', change })),
      declare: async (declared) => void (await ask({ do: 'declare', collections: declared })),
      judge: async (collection, texts) =>
        (await ask({ do: 'judge', collection, texts })) as (string | null)[],
      rows: async () => (await ask({ do: 'records' })) as StoreRow[],
      backup: async () => void (await ask({ do: 'backup' })),
      restore: async () => void (await ask({ do: 'restore' })),
      close: async () => void (await ask({ do: 'close' })),
    };
  }

  close(): void {
    this.#process.kill('SIGKILL');
  }

  #ask(command: object): Promise<unknown> {
    return new Promise((resolve) => {
      this.#answers.push((line) => resolve(JSON.parse(line)));
      this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    });
  }
}

/** A store, shared by the devices of a simulation. */
export interface SimulatedStore {
  readonly exchange: (user: string, request: ExchangeRequest) => Promise<unknown>;
  readonly change: (change: AirflowChange) => Promise<void>;
  /** Replaces the server's collections.json. */
  readonly declare: (collections: object) => Promise<void>;
  /**
   * Stores records, given as JSON text, as a DAG would; returns the reason of each refusal, or
   * null.
   */
  readonly judge: (
    collection: string,
    texts: readonly string[],
  ) => Promise<readonly (string | null)[]>;
  readonly rows: () => Promise<readonly StoreRow[]>;
  readonly backup: () => Promise<void>;
  readonly restore: () => Promise<void>;
  readonly close: () => Promise<void>;
}
