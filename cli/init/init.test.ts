import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { typesOf } from '../../scripts/types.mjs';
import { readCollections } from '../../shared/collections.ts';
import { runCli } from '../run-cli.ts';
import { TEMPLATES } from './choices.ts';
import { packageRoot } from './package-root.ts';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'updraft-init-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs `init` in a new app's folder; the answers are those of a person at the keyboard. */
async function init(args: readonly string[], answers?: readonly string[]) {
  const [said, asked]: [string[], string[]] = [[], []];
  const left = [...(answers ?? [])];
  const status = await runCli(['init', ...args], {
    write: (text) => void said.push(text),
    complain: (text) => void said.push(text),
    ...(answers && {
      ask: (question: string) => Promise.resolve((asked.push(question), left.shift() ?? '')),
    }),
    environment: {},
  });
  return { status, said: said.join('\n'), asked };
}
const app = (...path: string[]): string => join(folder, 'My App', ...path);
const read = (...path: string[]): string => readFileSync(app(...path), 'utf8');
const filesIn = (place: string): string[] =>
  readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe.each(TEMPLATES)('the template %s', (template) => {
  const make = (...more: string[]) => init([app(), '--template', template, ...more]);

  test('is made as the flags say, and no word of the template is left', async () => {
    const flags = ['--airflow', 'https://air.example/flow/', '--collection', 'daily-logs'];
    expect(await make(...flags)).toMatchObject({
      status: 0,
      said: expect.stringContaining('npm run dev'),
    });
    const texts = filesIn(app()).map((file) => readFileSync(file, 'utf8'));
    expect(texts.filter((text) => /__(NAME|AIRFLOW|ORIGIN|COLLECTION\w*)__/.test(text))).toEqual(
      [],
    );
    expect(read('src/settings.ts')).toContain("AIRFLOW = '/flow'");
    expect(read('src/settings.ts')).toContain("COLLECTION = 'daily-logs'");
    expect(read('vite.config.ts')).toContain("{ [AIRFLOW]: 'https://air.example' }");
    expect(read('.gitignore')).toContain('node_modules');
    expect(JSON.parse(read('package.json'))).toMatchObject({ name: 'my-app', private: true });
  });

  test('declares what the worker takes, with the types of updraft-types', async () => {
    for (const collection of ['inspections', 'daily-logs']) {
      await make('--collection', collection);
      const json = read('src/collections.json');
      expect(Object.keys(readCollections(JSON.parse(json)))).toEqual([collection]);
      expect(read('src/collections.ts')).toBe(await typesOf(json));
      rmSync(app(), { recursive: true });
    }
  });

  test('names the versions that this package is tested with', async () => {
    await make();
    const lock = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8'));
    const own = lock.packages[''];
    const { dependencies, devDependencies } = JSON.parse(read('package.json'));
    const { 'airflow-updraft': updraft, ...rest } = { ...dependencies, ...devDependencies };
    expect(updraft).toBe(`^${own.version}`);
    expect(rest).toEqual(
      Object.fromEntries(Object.keys(rest).map((name) => [name, own.devDependencies[name]])),
    );
  });

  test('depends on another airflow-updraft where --package names it', async () => {
    await make('--package', 'file:../airflow-updraft.tgz');
    expect(JSON.parse(read('package.json')).dependencies['airflow-updraft']).toBe(
      'file:../airflow-updraft.tgz',
    );
  });
});

describe('init', () => {
  test('refuses a folder that is not empty, and leaves it as it is', async () => {
    mkdirSync(app());
    writeFileSync(app('mine.txt'), 'mine');
    expect(await init([app(), '--template', 'vanilla'])).toMatchObject({
      status: 1,
      said: expect.stringMatching(/is not empty \(mine\.txt\)\. Nothing was written\./),
    });
    expect(readdirSync(app())).toEqual(['mine.txt']);
  });

  test('refuses a file, and takes an empty folder', async () => {
    writeFileSync(app(), '');
    expect((await init([app()])).said).toContain('is no folder. Nothing was written.');
    rmSync(app());
    mkdirSync(app());
    expect((await init([app()])).status).toBe(0);
  });

  test.each<[string[], string]>([
    [[], 'name the folder of the new app.'],
    [['a', 'b'], 'there is one folder only'],
    [['a', '--template', 'reakt'], 'there is no template "reakt". Did you mean "react"?'],
    [['a', '--airflow', 'localhost:8080'], '"localhost:8080" is no address of Airflow.'],
    [['a', '--airflow', "/air'flow"], 'is no address of Airflow.'],
    [['a', '--collection', 'two words'], "is no collection's name"],
  ])('is called wrongly with %j: exit status 2, and nothing is made', async (args, words) => {
    const placed = args.map((arg, at) => (at === 0 ? app() : arg));
    expect(await init(placed)).toMatchObject({ status: 2, said: expect.stringContaining(words) });
    expect(existsSync(app())).toBe(false);
  });

  test('asks a person for what no flag names, and nothing else', async () => {
    const made = await init([app(), '--collection', 'visits'], ['react', '']);
    expect(made.asked.map((question) => question.split('?')[0])).toEqual([
      'Template: vanilla, react, vue, svelte',
      'Airflow',
    ]);
    expect(made.status).toBe(0);
    expect(existsSync(app('src/App.tsx'))).toBe(true);
    const flags = ['--template', 'vanilla', '--airflow', '/airflow', '--collection', 'visits'];
    rmSync(app(), { recursive: true });
    expect((await init([app(), ...flags], [])).asked).toEqual([]);
  });

  test('takes the usual answers where nobody is at the keyboard', async () => {
    expect((await init([app()])).status).toBe(0);
    expect(read('src/settings.ts')).toContain("COLLECTION = 'inspections'");
  });
});
