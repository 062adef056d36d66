import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'vite';
import { root } from '../paths.mjs';

/**
 * @typedef {object} Source
 * @property {string} path
 * @property {string} text
 * @property {boolean} isTest a test, or a helper of tests
 * @property {boolean} isProduct a part of worker, client or provider, as published
 */
/** @typedef {Source & { ast: import('vite').ParseResult }} Module a parsed TypeScript source */
/**
 * @typedef {{ typescript: Module[], python: Source[], decisions: Source[] }} Tree all sources but
 *   generated ones, and the decisions of `docs/adr/`
 */
/**
 * @typedef {{ name: string, value: number | string, goal: string, isMet: boolean,
 *   examples: string[] }} Row
 */

const FOLDERS = [
  'sw',
  'client',
  'bindings',
  'cli',
  'testing',
  'shared',
  'ui',
  'provider',
  'demo',
  'e2e',
  'bench',
  'scripts',
];
const PRODUCT = /^(sw|client|bindings|cli|testing|shared|ui|provider\/airflow_updraft)\//;
const TEST_FILE = /\.(test|sim|accept|spec|measure|check)\./;
const TEST_FOLDER = /^(e2e|cli\/testing|sw\/(simulation|acceptance|testing)|provider\/tests)\//;
const DECISION = /^docs\/adr\/\d+-[^/]+\.md$/;
/** Words at the top of a file that a program wrote. */
const GENERATED = /^\W*(This file was auto-generated|Made by) /;

/** Reads every source and decision that git knows. @returns {Tree} */
export function readTree() {
  const listed = spawnSync('git', ['ls-files', ...FOLDERS, 'docs/adr'], {
    cwd: root,
    encoding: 'utf8',
  });
  return treeOf(
    listed.stdout
      .split('\n')
      .filter((path) => /\.(ts|tsx|mjs|py)$/.test(path) || DECISION.test(path))
      .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
  );
}

/** @param {{ path: string, text: string }[]} files @returns {Tree} */
export function treeOf(files) {
  const sources = files
    .filter(({ text }) => !GENERATED.test(text))
    .map(({ path, text }) => {
      const isTest = TEST_FILE.test(path) || TEST_FOLDER.test(path);
      return { path, text, isTest, isProduct: PRODUCT.test(path) && !isTest };
    });
  return {
    typescript: sources
      .filter(({ path }) => !/\.(py|md)$/.test(path))
      .map((source) => ({ ...source, ast: parseSync(source.path, source.text) })),
    python: sources.filter(({ path }) => path.endsWith('.py')),
    decisions: sources.filter(({ path }) => DECISION.test(path)),
  };
}

/**
 * A row that is met while the value is at most `max`.
 * @param {string} name
 * @param {number} value
 * @param {number} max
 * @param {string[]} [examples]
 * @returns {Row}
 */
export const atMost = (name, value, max, examples = []) => ({
  name,
  value,
  goal: `≤ ${max}`,
  isMet: value <= max,
  examples,
});

/**
 * Visits every node of a syntax tree.
 * @param {unknown} node
 * @param {(node: Record<string, any>) => void} visit
 */
export function walk(node, visit) {
  if (Array.isArray(node)) for (const child of node) walk(child, visit);
  else if (typeof node === 'object' && node !== null) {
    if ('type' in node) visit(node);
    for (const child of Object.values(node)) walk(child, visit);
  }
}

/** The line of an offset, from 1. @param {string} text @param {number} offset */
export const lineAt = (text, offset) => text.slice(0, offset).split('\n').length;
