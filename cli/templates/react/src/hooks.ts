import { typed } from 'airflow-updraft/react';
import type { Collections } from './collections.ts';

/** The hooks with the names and types of this app's collections. */
export const { useQuery, useRecord, useUpdraft } = typed<Collections>();
