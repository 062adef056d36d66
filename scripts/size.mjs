// npm run size: checks the published files' weight over the wire, and that no planted bug is
// inside; tells each file's parts. `npm run build` makes the files.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunksOf, gzipBytes } from './lib/bundle-parts.mjs';
import { root } from './lib/paths.mjs';
import { main, Problem } from './lib/problem.mjs';

/**
 * Limits in bytes, compressed. Client: 6 KiB, in one file 7. Worker: 102.2 KiB, of which the
 * validator for records takes 7.4 (ADR 55); the goal, with the validator inside, is 90. A binding
 * counts with the core that all bindings share: 1.5 KiB.
 * @type {Array<{ mode: string, file: string, with?: string, bytes_max: number }>}
 */
const FILES = [
  { mode: 'client', file: 'client.js', bytes_max: 6_144 },
  { mode: 'client', file: 'client-live.js', bytes_max: 2_048 },
  { mode: 'client', file: 'client-airflow.js', bytes_max: 1_024 },
  { mode: 'browser', file: 'updraft.browser.js', bytes_max: 7_168 },
  ...['react', 'vue', 'svelte', 'solid'].map((name) => ({
    mode: 'bindings',
    file: `${name}.js`,
    with: 'bindings-core.js',
    bytes_max: 1_536,
  })),
  { mode: 'worker', file: 'updraft-sw.js', bytes_max: 104_640 },
];
/** Lighter parts are told as a sum. */
const SHOWN_PERCENT_MIN = 1;

await main(async () => {
  const planted = [...FILES.map(({ file }) => file), 'sw.js'].filter((file) =>
    /updraftPlantedBug|PLANTED_BUG/.test(textOf(file)),
  );
  if (planted.length > 0)
    throw new Problem(`A planted bug is in: ${planted.join(', ')}. Release builds hold none.`);
  const over = [];
  for (const mode of new Set(FILES.map((entry) => entry.mode))) {
    const chunks = await chunksOf(mode);
    for (const { file, bytes_max, ...more } of FILES.filter((entry) => entry.mode === mode)) {
      const files = [file, ...(more.with === undefined ? [] : [more.with])];
      const bytes = files.reduce((sum, name) => sum + gzipBytes(textOf(name)), 0);
      const name = files.map((part) => `dist/${part}`).join(' + ');
      process.stdout.write(`${name}  ${bytes} bytes gzip, limit ${bytes_max}\n`);
      tell(chunks.get(file)?.parts ?? []);
      if (bytes > bytes_max) over.push(file);
    }
  }
  if (over.length > 0) throw new Problem(`Too big: ${over.join(', ')}`);
});

/** @param {string} file */
function textOf(file) {
  const path = join(root, 'dist', file);
  if (!existsSync(path)) throw new Problem(`dist/${file} is missing. Make it: npm run build`);
  return readFileSync(path, 'utf8');
}

/**
 * Prints the parts of a file with their shares. Each part is compressed by itself, so that the
 * shares compare parts and do not add up to the file's size.
 * @param {import('./lib/bundle-parts.mjs').Part[]} parts
 */
function tell(parts) {
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const line = (/** @type {string} */ name, /** @type {number} */ bytes) =>
    process.stdout.write(`  ${((100 * bytes) / all).toFixed(1).padStart(5)} %  ${name}\n`);
  const shown = parts.filter(({ bytes }) => (100 * bytes) / all >= SHOWN_PERCENT_MIN);
  for (const { name, bytes } of shown) line(name, bytes);
  const others = parts.length - shown.length;
  if (others > 0)
    line(`${others} lighter parts`, all - shown.reduce((sum, { bytes }) => sum + bytes, 0));
}
