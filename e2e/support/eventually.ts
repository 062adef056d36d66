import { expect } from '@playwright/test';

/** Looks again and again until it is as expected. An exchange takes seconds: looking five times a second costs little and loses no time. */
export const eventually = <T>(look: () => T | Promise<T>, message: string, timeout = 30_000) =>
  expect.poll(look, { message, timeout, intervals: [50, 100, 200] });
