import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/lib/paths.mjs';

/**
 * Makes the page of docs/without-a-bundler.md from its blocks, word by word, and the files that it
 * names of an installed package. Returns its folder.
 */
export async function makePlainPage(app: string): Promise<string> {
  const folder = join(app, 'plain');
  await mkdir(folder);
  for (const name of ['updraft.browser.js', 'updraft-sw.js'])
    await copyFile(join(app, 'node_modules/airflow-updraft/dist', name), join(folder, name));
  await copyFile(join(root, 'demo/collections.json'), join(folder, 'collections.json'));
  const page = await readFile(join(root, 'docs/without-a-bundler.md'), 'utf8');
  for (const [name, language] of [
    ['index.html', 'html'],
    ['sw.js', 'js'],
  ] as const) {
    const [, block] = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page) ?? [];
    if (block === undefined) throw new Error(`docs/without-a-bundler.md has no ${name}.`);
    await writeFile(join(folder, name), block);
  }
  return folder;
}
