import type { Updraft } from 'airflow-updraft/client';
import type { Collections } from './collections.ts';

/** The client with the names and types of this app's collections. */
export type Client = Updraft<Collections>;
