import type { AirflowStatus } from '../../scripts/lib/airflow-server.mjs';
import { eventually } from './eventually.ts';
import type { Sql } from './sql.ts';

/** A record in the server's store. */
export interface StoredRecord {
  readonly id: string;
  readonly revision: number;
  readonly created: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly deleted: boolean;
  readonly updated_by: string;
}

/** A replica's row in the ledger. */
export interface LedgerRow {
  readonly user: string;
  readonly number: number;
  readonly is_void: boolean;
}

/** The server's store, read past all code under test. */
export class Store {
  readonly #sql: Sql;
  readonly #airflow: AirflowStatus;
  constructor(sql: Sql, airflow: AirflowStatus) {
    this.#sql = sql;
    this.#airflow = airflow;
  }

  query<T>(sql: string, params: Parameters<Sql['query']>[2] = [], session = ''): Promise<T[]> {
    return this.#sql.query<T>(this.#airflow.storeUri, sql, params, session);
  }

  demo<T>(sql: string, params: Parameters<Sql['query']>[2] = []): Promise<T[]> {
    return this.#sql.query<T>(this.#airflow.demoUri, sql, params);
  }

  /** Returns the inspections with this prefix, tombstones too, in the order of their ids. */
  records(prefix: string): Promise<StoredRecord[]> {
    return this.query(
      'SELECT id, revision, created, fields, deleted, updated_by FROM ' +
        "updraft_records WHERE collection = 'inspections' AND starts_with(id, %s) " +
        'ORDER BY id',
      [prefix],
    );
  }

  async record(id: string): Promise<StoredRecord | undefined> {
    return (await this.records(id)).find((record) => record.id === id);
  }

  async ledger(replicaId: string): Promise<LedgerRow | undefined> {
    return (
      await this.query<LedgerRow>(
        'SELECT "user", number, is_void FROM updraft_replicas WHERE replica_id = %s',
        [replicaId],
      )
    )[0];
  }

  /**
   * Returns how many writes of records the store has counted. Those of sites are left out: the
   * schedule reads sites from their table at a moment of its own, the first time in any test.
   */
  async writes(): Promise<number> {
    const [row] = await this.query<{ writes: number }>(
      'SELECT revision - (SELECT count(*) + count(*) FILTER (WHERE deleted) FROM updraft_records ' +
        "WHERE collection = 'sites') AS writes FROM updraft_meta WHERE id = 1",
    );
    return row?.writes ?? 0;
  }

  /** Returns how many database connections wait for the transaction of this session alone. */
  async blockedBy(session: string): Promise<number> {
    const [here] = await this.query<{ pid: number }>('SELECT pg_backend_pid() AS pid', [], session);
    const [blocked] = await this.query<{ count: number }>(
      'SELECT count(*) FROM pg_stat_activity WHERE pg_blocking_pids(pid) = ARRAY[%s::int]',
      [here?.pid ?? 0],
    );
    return blocked?.count ?? 0;
  }

  /** Waits until the store holds so many live records with this prefix. */
  async hasLive(prefix: string, count: number, timeout = 90_000): Promise<StoredRecord[]> {
    const live = async (): Promise<StoredRecord[]> =>
      (await this.records(prefix)).filter(({ deleted }) => !deleted);
    await eventually(
      async () => (await live()).length,
      `live records ${prefix}… in the store`,
      timeout,
    ).toBe(count);
    return live();
  }
}
