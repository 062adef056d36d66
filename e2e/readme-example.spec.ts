import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Bundles the README's first TypeScript block as a script for a browser. */
async function bundleOfExample(): Promise<string> {
  const [, example] =
    /```ts\n([\s\S]*?)```/.exec(await readFile(fromRoot('README.md'), 'utf8')) ?? [];
  if (example === undefined) throw new Error('README.md has no TypeScript block.');
  const folder = await mkdtemp(join(tmpdir(), 'updraft-readme-'));
  const entry = join(folder, 'example.ts');
  await writeFile(entry, example);
  const alias = { 'airflow-updraft/client': fromRoot('client/index.ts') };
  const built = await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    resolve: { alias },
    define: { __UPDRAFT_PLANTED_BUG__: 'undefined' },
    build: { write: false, lib: { entry, formats: ['es'] }, target: 'es2022' },
  });
  await rm(folder, { recursive: true });
  const [output] = [built].flat();
  if (!output || !('output' in output)) throw new Error('The example was not built.');
  return output.output[0].code;
}

test('the example of the README runs as it stands', async ({ device }) => {
  await device.openSignedIn('ana');
  const lines: string[] = [];
  device.page.on('console', (message) => lines.push(message.text()));
  await device.page.addScriptTag({ type: 'module', content: await bundleOfExample() });
  // a status line may follow
  await eventually(() => lines, 'what the example prints').toContain('applied');
  const rows = await device.page.evaluate(async () =>
    window.updraft?.collection('inspections').query({ index: 'site', equals: 'A7' }),
  );
  expect(rows?.map(({ value }) => value)).toContainEqual(
    expect.objectContaining({ site: 'A7', status: 'watch', note: 'rust on the north side' }),
  );
});
