import type { Json } from './json.ts';

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
}
export type PartName = keyof EditParts;
