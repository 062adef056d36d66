import { expect } from '@playwright/test';

/**
 * Matches the state of a record that is on the device alone. Only a running worker learns at once
 * that the network is emulated as gone: a worker that has just started may try a request first, and
 * then the record is `sending`.
 */
export const unsent: unknown = expect.stringMatching(/^(local|sending)$/);
