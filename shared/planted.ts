/**
 * Bugs that a test build can switch on, each alone, to show that a test turns red. The build
 * replaces the name: release builds have `undefined` and drop the guarded code.
 */
export type PlantedBug =
  | 'refusal-empties-base'
  | 'delete-before-send'
  | 'acknowledge-before-commit'
  | 'no-hash-check'
  | 'html-200-acknowledges'
  | 'batch-number-reused'
  | '401-drops-the-batch'
  | 'base-revision-at-capture'
  | 'unsigned-answers'
  | 'lock-leak'
  | 'turned-away-for-ever'
  | 'unfit-view-unmarked'
  | 'elements-sent-as-value';

declare global {
  const __UPDRAFT_PLANTED_BUG__: PlantedBug | undefined;
}
