import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { python } from '../../scripts/lib/paths.mjs';

type Row = Record<string, unknown>;
type Param = string | number | boolean | null | readonly string[];

const script = fileURLToPath(new URL('./sql.py', import.meta.url));

/**
 * Queries PostgreSQL with the driver that Airflow itself uses: the tests need no driver of their
 * own.
 */
export class Sql {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<
    number,
    { resolve: (rows: Row[]) => void; reject: (error: Error) => void }
  >();
  #id = 0;

  constructor() {
    this.#child = spawn(python, [script]);
    let stderr = '';
    this.#child.stderr.on('data', (text) => (stderr += String(text)));
    createInterface(this.#child.stdout).on('line', (line) => {
      const { id, rows, error } = JSON.parse(line) as { id: number; rows?: Row[]; error?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (rows) waiting?.resolve(rows);
      else waiting?.reject(new Error(error));
    });
    this.#child.on('close', () =>
      this.#waiting.forEach(({ reject }) => reject(new Error(`The SQL helper ended: ${stderr}`))),
    );
  }

  /**
   * Returns the rows of a statement, `%s` for parameters. A named session keeps the transaction
   * open.
   */
  query<T = Row>(
    uri: string,
    sql: string,
    params: readonly Param[] = [],
    session = '',
  ): Promise<T[]> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (rows: Row[]) => void, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, uri, sql, params, session })}\n`);
    });
  }

  close(): void {
    this.#child.stdin.end();
  }
}
