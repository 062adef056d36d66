import { expect } from '@playwright/test';

/**
 * Polls until the value is as expected. An exchange takes seconds: polling five times a second
 * costs little and loses no time.
 */
export const eventually = <T>(look: () => T | Promise<T>, message: string, timeout = 90_000) =>
  expect.poll(look, { message, timeout, intervals: [50, 100, 200] });
