import { Problem } from './problem.mjs';

/**
 * A `--port` option as an optional setting.
 * @param {string | undefined} text
 * @returns {{ port?: number }}
 */
export function portOf(text) {
  if (text === undefined) return {};
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Problem(`--port wants a number from 1 to 65535, not ${text}`);
  return { port };
}
