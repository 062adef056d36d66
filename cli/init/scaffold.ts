import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Problem } from '../usage.ts';
import type { AirflowPlace, Template } from './choices.ts';
import { manifestOf } from './manifest.ts';
import { ownPackage, packageRoot } from './package-root.ts';

export interface Scaffold {
  readonly folder: string;
  readonly template: Template;
  readonly airflow: AirflowPlace;
  readonly collection: string;
  /** What the app depends on as `airflow-updraft`; by default this version, from the registry. */
  readonly updraft?: string;
}

/** Makes a new app in a folder that is empty or is not there. Nothing is ever overwritten. */
export function scaffold({ folder, template, airflow, collection, updraft }: Scaffold): void {
  const place = resolve(folder);
  requireEmpty(place, folder);
  const root = packageRoot();
  const own = ownPackage(root);
  const name = nameOf(place);
  const files = new Map([
    ...filesIn(join(root, 'cli/templates/base')),
    ...filesIn(join(root, 'cli/templates', template)),
  ]);
  const manifest = manifestOf(name, template, updraft ?? `^${own.version}`, own);
  files.set('package.json', `${JSON.stringify(manifest, undefined, 2)}\n`);
  const words: Readonly<Record<string, string>> = {
    __NAME__: name,
    __AIRFLOW__: airflow.path,
    __ORIGIN__: airflow.origin,
    __COLLECTION__: collection,
    __COLLECTION_KEY__: collection.includes('-') ? `'${collection}'` : collection,
  };
  for (const [path, text] of files) {
    const file = join(place, path.replace(/(^|\/)_gitignore$/, '$1.gitignore'));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      text.replace(/__[A-Z_]+?__/g, (word) => words[word] ?? word),
      { flag: 'wx' },
    );
  }
}

function requireEmpty(place: string, folder: string): void {
  const there = existsSync(place) ? entriesOf(place, folder) : [];
  if (there.length > 0)
    throw new Problem(
      `${folder} is not empty (${there.slice(0, 3).join(', ')}${there.length > 3 ? ', …' : ''}). ` +
        'Nothing was written. Name a new folder.',
    );
}

function entriesOf(place: string, folder: string): string[] {
  try {
    return readdirSync(place);
  } catch {
    throw new Problem(`${folder} is no folder. Nothing was written. Name a new folder.`);
  }
}

/** A name that npm takes. */
const nameOf = (place: string): string =>
  basename(place)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '') || 'app';

/** Texts of all files below a folder, by their path from there. */
function filesIn(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => [
      file.slice(folder.length + 1).replaceAll('\\', '/'),
      readFileSync(file, 'utf8'),
    ]);
}
