import type { AirflowStatus } from '../../scripts/lib/airflow-server.mjs';
import { eventually } from './eventually.ts';
import type { Sql } from './sql.ts';

/** A record as the server's store holds it. */
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

/** The server's side, read past all code under test. */
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

  /** The inspections whose id begins so, tombstones too, in the order of their ids. */
  records(prefix: string): Promise<StoredRecord[]> {
    return this.query(
      `SELECT id, revision, created, fields, deleted, updated_by FROM updraft_records WHERE collection = 'inspections' AND starts_with(id, %s) ORDER BY id`,
      [prefix],
    );
  }

  async record(id: string): Promise<StoredRecord | undefined> {
    return (await this.records(id)).find((record) => record.id === id);
  }

  async ledger(replicaId: string): Promise<LedgerRow | undefined> {
    return (await this.query<LedgerRow>('SELECT "user", number, is_void FROM updraft_replicas WHERE replica_id = %s', [replicaId]))[0];
  }

  /** The one ever-growing number: each write of a record advances it by one. */
  async revision(): Promise<number> {
    return (await this.query<{ revision: number }>('SELECT revision FROM updraft_meta WHERE id = 1'))[0]?.revision ?? 0;
  }

  /** Waits until the store holds so many live records with this prefix. */
  async hasLive(prefix: string, count: number, timeout = 30_000): Promise<StoredRecord[]> {
    const live = async (): Promise<StoredRecord[]> => (await this.records(prefix)).filter(({ deleted }) => !deleted);
    await eventually(async () => (await live()).length, `live records ${prefix}… in the store`, timeout).toBe(count);
    return live();
  }
}
