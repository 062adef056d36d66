// A release has one number, and its workflow runs scripts that there are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './lib/paths.mjs';

/** @param {string} path */
const read = (path) => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(read('package.json'));

test.each([
  ['provider/pyproject.toml', /^version = "(.+)"$/m],
  ['provider/airflow_updraft/__init__.py', /^__version__ = "(.+)"$/m],
])('%s has the number of package.json', (path, pattern) => {
  expect(pattern.exec(read(path))?.[1]).toBe(manifest.version);
});

test.each(['ci.yml', 'release.yml'])('the workflow %s runs what there is', (name) => {
  const workflow = read(`.github/workflows/${name}`);
  const scripts = [...workflow.matchAll(/npm run (\S+)/g)].map(([, script]) => script ?? '');
  expect(scripts.filter((script) => !(script in manifest.scripts))).toEqual([]);
  const files = [...workflow.matchAll(/(?:run|uses): \.?\/?(\.[\w/.-]+)$/gm)];
  for (const [, file = ''] of files) expect(read(file)).not.toBe('');
  expect(scripts.length + files.length).toBeGreaterThan(0);
});
