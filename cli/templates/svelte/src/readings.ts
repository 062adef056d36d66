import { typed } from 'airflow-updraft/svelte';
import type { Collections } from './collections.ts';

/** The functions with the names and types of this app's collections. */
export const { useQuery, useRecord, useUpdraft } = typed<Collections>();
