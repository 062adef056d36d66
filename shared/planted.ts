/**
 * Bugs that a test build can switch on, one at a time, to show that a test turns red. The name is replaced at build time:
 * in release builds by `undefined`, and what it guards is dropped.
 */
export type PlantedBug =
  | 'delete-before-send'
  | 'acknowledge-before-commit'
  | 'no-hash-check'
  | 'html-200-acknowledges'
  | 'batch-number-reused'
  | '401-drops-the-batch'
  | 'base-revision-at-capture'
  | 'lock-leak';

declare global {
  const __UPDRAFT_PLANTED_BUG__: PlantedBug | undefined;
}
