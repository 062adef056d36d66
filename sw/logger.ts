import type { Logger } from './world.ts';

const LEVELS = ['error', 'info', 'debug'] as const;
type Level = (typeof LEVELS)[number];

/** Creates the only writer to the console. */
export function createLogger(level: Level): Logger {
  const writer = (at: Level): ((message: string, detail?: unknown) => void) => {
    if (LEVELS.indexOf(at) > LEVELS.indexOf(level)) return () => undefined;
    return (message, detail) =>
      console[at](`[updraft] ${message}`, ...(detail === undefined ? [] : [detail]));
  };
  return { error: writer('error'), info: writer('info'), debug: writer('debug') };
}
