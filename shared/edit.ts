import type { Json, Scalar } from './json.ts';

/**
 * The parts of an edit: as captured, stored, sent and shown to a person. Every table of parts is
 * typed by this interface, so the compiler names each place that a new part still lacks.
 */
export interface EditParts {
  /** Fields that get a value. */
  readonly set: Readonly<Record<string, Json>>;
  /** Fields that are taken away. */
  readonly removed: readonly string[];
  /**
   * Numbers that are added to fields: an operation, which another device's change does not undo.
   */
  readonly inc: Readonly<Record<string, number>>;
  /**
   * Elements that come into lists and leave lists: an operation, which goes along with another
   * device's elements. Absent where no list is changed so, as in all rows of older versions.
   */
  readonly elements?: Readonly<Record<string, Elements>>;
}
export type PartName = keyof EditParts;

/** The change of a list: `removed` leaves the list, then `added` comes to its end if missing. */
export interface Elements {
  readonly added: readonly Scalar[];
  readonly removed: readonly Scalar[];
}
