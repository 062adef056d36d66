import type { Policy } from '../../shared/collections.ts';

/** For tests: every policy. */
export const POLICIES: readonly Policy[] = ['ask', 'client-wins', 'server-wins'];
