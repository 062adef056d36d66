import type { Status } from './status.ts';

/** For tests: a signed-in device with nothing to do. */
export const IDLE: Status = {
  user: 'ana',
  replicaId: 'r',
  online: true,
  phase: 'idle',
  unsent: 0,
  pendingCalls: 0,
  followedCalls: 0,
  conflicts: 0,
  deadLetters: 0,
  auth: 'ok',
  ready: true,
  durability: 'best-effort',
};
