/** Bugs that a test build can switch on, one at a time, to show that a test turns red. Release builds hold none of them. */
export type PlantedBug = 'delete-before-send' | 'acknowledge-before-commit' | 'no-hash-check' | 'html-200-acknowledges';

declare const __UPDRAFT_PLANTED_BUG__: string | undefined;

export const planted = (bug: PlantedBug): boolean => typeof __UPDRAFT_PLANTED_BUG__ === 'string' && __UPDRAFT_PLANTED_BUG__ === bug;
