// The linter holds the architecture's walls: each breach, written to the place of its kind, must be
// found.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bin, root } from './lib/paths.mjs';

/** @type {Array<{ breach: string, file: string, code: string, rule: string }>} */
const breaches = [
  {
    breach: 'the engine imports Dexie',
    file: 'sw/capture/a.ts',
    code: "import { Dexie } from 'dexie';\nexport const a = Dexie;\n",
    rule: 'no-restricted-imports',
  },
  {
    breach: 'the page imports Dexie',
    file: 'client/b.ts',
    code: "import { Dexie } from 'dexie';\nexport const b = Dexie;\n",
    rule: 'no-restricted-imports',
  },
  {
    breach: 'a second file imports Workbox',
    file: 'sw/store/c.ts',
    code: "import { Queue } from 'workbox-background-sync';\nexport const c = Queue;\n",
    rule: 'no-restricted-imports',
  },
  {
    breach: 'page imports worker',
    file: 'client/d.ts',
    code: "import { x } from '../sw/x.ts';\nexport const d = x;\n",
    rule: 'no-restricted-imports',
  },
  {
    breach: 'worker imports page',
    file: 'sw/e.ts',
    code: "import { x } from '../client/x.ts';\nexport const e = x;\n",
    rule: 'no-restricted-imports',
  },
  {
    breach: 'a floating promise',
    file: 'sw/f.ts',
    code:
      'const work = async (): Promise<number> => 1;\nexport const f = (): void ' +
      '=> {\n  work();\n};\n',
    rule: 'no-floating-promises',
  },
  {
    breach: 'any',
    file: 'shared/g.ts',
    code: 'export const g = (x: any): unknown => x;\n',
    rule: 'no-explicit-any',
  },
  {
    breach: 'console outside the logger',
    file: 'sw/h.ts',
    code: "console.log('h');\nexport const h = 1;\n",
    rule: 'no-console',
  },
  {
    breach: 'the algebra of a record imports the store',
    file: 'sw/record/k.ts',
    code: "import { db } from '../store/db.ts';\nexport const k = db;\n",
    rule: 'no-restricted-imports',
  },
  {
    breach: 'an import cycle of types',
    file: 'shared/l.ts',
    code: "import type { M } from './m.ts';\nexport type L = M | 1;\n",
    rule: 'no-cycle',
  },
  {
    breach: 'an import cycle',
    file: 'shared/i.ts',
    code: "import { j } from './j.ts';\nexport const i = (): number => j();\n",
    rule: 'no-cycle',
  },
];
/** Files without a breach, and the other half of each cycle. */
const allowed = [
  {
    file: 'sw/record/n.ts',
    code:
      "import { p } from './p.ts';\nimport { s } from " +
      "'../../shared/s.ts';\nexport const n = p + s;\n",
  },
  { file: 'sw/record/p.ts', code: 'export const p = 1;\n' },
  { file: 'shared/s.ts', code: 'export const s = 1;\n' },
  { file: 'sw/store/db.ts', code: "import { Dexie } from 'dexie';\nexport const db = Dexie;\n" },
  {
    file: 'sw/wake/workbox-queue.ts',
    code: "import { Queue } from 'workbox-background-sync';\nexport const q = Queue;\n",
  },
  { file: 'sw/logger.ts', code: "export const log = (): void => console.info('x');\n" },
];
const other = [
  { file: 'sw/x.ts', code: 'export const x = 1;\n' },
  { file: 'client/x.ts', code: 'export const x = 1;\n' },
  { file: 'shared/m.ts', code: "import type { L } from './l.ts';\nexport type M = L | 2;\n" },
  {
    file: 'shared/j.ts',
    code: "import { i } from './i.ts';\nexport const j = (): number => i();\n",
  },
];

const folder = mkdtempSync(join(tmpdir(), 'updraft-walls-'));
/** @type {Array<{ filename: string, code: string }>} */
let found = [];

beforeAll(() => {
  for (const name of ['.oxlintrc.json', 'tsconfig.json'])
    cpSync(join(root, name), join(folder, name));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, code } of [...breaches, ...allowed, ...other]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), code);
  }
  const { stdout, stderr } = spawnSync(bin('oxlint'), ['--type-aware', '--format=json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (!stdout.startsWith('{')) throw new Error(stdout + stderr);
  found = JSON.parse(stdout).diagnostics;
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true }));

test.each(breaches)('$breach is found', ({ file, rule }) => {
  expect(found.filter(({ filename }) => filename === file).map(({ code }) => code)).toContainEqual(
    expect.stringContaining(rule),
  );
});

test.each(allowed)('$file may do what the others may not', ({ file }) => {
  expect(found.filter(({ filename }) => filename === file)).toEqual([]);
});
