import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part of this package's `package.json` that a new app is made from. */
export interface OwnPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Returns the folder of this package, from source and from the built command alike. */
export function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && ownPackage(folder).name === 'airflow-updraft')
      return folder;
    if (folder === dirname(folder)) throw new Error('This file is outside of airflow-updraft.');
  }
}

export const ownPackage = (root: string): OwnPackage =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as OwnPackage;
