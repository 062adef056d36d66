// Made by updraft-types from collections.json. Change that file, not this one.
import type { Indexed } from 'airflow-updraft/client';

/**
 * Places that can be inspected. Kept in an ordinary SQL table; devices only read them.
 */
export interface Site {
  id: string;
  name: string;
  region?: string;
  floor_area_m2?: number;
}

/**
 * One visit to one site, captured in the field.
 */
export interface Inspection {
  id: string;
  /**
   * id of a site
   */
  site: string;
  status: 'ok' | 'watch' | 'fail';
  reading?: number;
  visits?: number;
  note?: string;
  inspected_on?: string;
  /**
   * Written by the DAG inspection_scoring alone
   */
  score?: number;
  /**
   * What became of it in Airflow; written by the DAG inspection_scoring alone
   */
  outcome?: string;
}

/**
 * Follow-up work that the DAG inspection_scoring asks for; whoever did it ticks it off. Its id is the inspection's.
 */
export interface Task {
  id: string;
  /**
   * id of a site
   */
  site: string;
  title: string;
  done: boolean;
}

/** Every collection's record and indexes, by the collection's name. */
export interface Collections {
  sites: Indexed<Site, 'name' | 'region'>;
  inspections: Indexed<Inspection, 'site' | 'status' | 'inspected_on'>;
  tasks: Indexed<Task, 'site' | 'done'>;
}
