// Made by updraft-types from collections.json. Change that file, not this one.

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
}

/** Every collection's record, by the collection's name. */
export interface Collections {
  sites: Site;
  inspections: Inspection;
}
