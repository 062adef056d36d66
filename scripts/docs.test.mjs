// The pages name only files and places that exist, and fit a screen.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './lib/paths.mjs';

const COLUMNS_MAX = 100;
const README_PARAGRAPH_LINES_MAX = 6;

const listed = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
}).stdout.split('\n');
const files = [...new Set(listed)].filter((path) => path !== '' && existsSync(join(root, path)));
const folders = new Set(
  files.flatMap((path) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, depth, all) => `${all.slice(0, depth + 1).join('/')}/`),
  ),
);
const pages = files.filter((path) => path.endsWith('.md'));

/** @param {string} path */
const read = (path) => readFileSync(join(root, path), 'utf8');
/** The page without its code blocks; the number of lines stays. @param {string} page */
const prose = (page) =>
  read(page).replace(/^ *```[^]*?^ *```/gm, (block) => block.replace(/[^\n]/g, ''));
/**
 * Returns the first group of each match, and the line for the message.
 * @param {string} text
 * @param {RegExp} pattern
 * @returns {[string, number][]}
 */
const found = (text, pattern) =>
  [...text.matchAll(pattern)].map((match) => [
    match[1] ?? '',
    text.slice(0, match.index).split('\n').length,
  ]);
/** Anchors as GitHub makes them. @param {string} page */
const anchors = (page) =>
  found(prose(page), /^#{1,6} (.*)$/gm).map(([title]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/**
 * A code span that names a source of this repository: not an absolute path, not a package. A `*`
 * or `…` stands for any text.
 */
const SOURCE = /^(?!\/|node_modules\/)[\w@.*-][\w@./*…-]*\.(?:ts|tsx|mjs|py|md|json)$/;

/**
 * Whether a file of the repository ends with this path, or a folder has it.
 * @param {string} named
 */
function isThere(named) {
  if (named.endsWith('/')) return folders.has(named);
  const pattern = new RegExp(
    `(^|/)${named.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/[*…]/g, '[^/]*')}$`,
  );
  return files.some((path) => pattern.test(path));
}

/** `file.py::test_name…`: the file must hold that text. @param {string} named */
function isTestThere(named) {
  const [path = '', name = ''] = named.split('::');
  return files.some(
    (file) => file.endsWith(`/${path}`) && read(file).includes(name.replace(/[*…].*$/, '')),
  );
}

describe.each(pages)('%s', (page) => {
  test('names only files and tests that exist', () => {
    const spans = found(prose(page), /`([^`\n]+)`/g);
    const top = new Set([...folders].map((folder) => folder.split('/')[0]));
    const missing = spans.filter(
      ([span]) =>
        (SOURCE.test(span) && !isThere(span)) ||
        (/^[\w.-]+\/([\w./-]*\/)?$/.test(span) && top.has(span.split('/')[0]) && !isThere(span)) ||
        (/^[\w/]+\.py::\w+/.test(span) && !isTestThere(span)),
    );
    expect(missing).toEqual([]);
  });

  test('links only to files and headings that exist', () => {
    const links = found(prose(page), /\]\(([^)\s]+)\)/g).filter(
      ([target]) => !/^[a-z]+:/.test(target),
    );
    const broken = links.filter(([target]) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      if (anchor === undefined)
        return !files.includes(file) && !folders.has(`${file.replace(/\/$/, '')}/`);
      return !pages.includes(file) || !anchors(file).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test(`has at most ${COLUMNS_MAX} columns but for tables and the targets of links`, () => {
    const folded = read(page).replace(/\]\([^)]*\)|^\[[^\]]+\]: .*$/gm, ']()');
    const lines = folded.split('\n').map((text, index) => ({ line: index + 1, text }));
    expect(lines.filter(({ text }) => text.length > COLUMNS_MAX && !/^ *\|/.test(text))).toEqual(
      [],
    );
  });
});

test(`no paragraph of the README has more than ${README_PARAGRAPH_LINES_MAX} lines`, () => {
  const paragraphs = prose('README.md')
    .split(/\n\s*\n/)
    .filter((block) => !/^ *\|/.test(block.trim()));
  expect(
    paragraphs
      .flatMap((block) => block.split(/\n(?=- |\d+\. )/))
      .filter((part) => part.trim().split('\n').length > README_PARAGRAPH_LINES_MAX),
  ).toEqual([]);
});

test('each golden exchange is linked from the rule that it shows', () => {
  const text = prose('docs/protocol.md');
  const stories = files.filter((path) => /^shared\/contract\/exchange-.*\.json$/.test(path));
  const names = stories.map((path) => path.replace(/^.*exchange-|\.json$/g, ''));
  expect(
    names.filter((name) => !text.includes(`\n[${name}]: ../shared/contract/exchange-${name}.json`)),
  ).toEqual([]);
  expect(names.filter((name) => !new RegExp(`\\[${name}\\][^:]`).test(text))).toEqual([]);
});

test('the layout in architecture.md names each room of the worker', () => {
  const rooms = [...folders].filter((folder) => /^sw\/[^/]+\/$/.test(folder));
  const text = read('docs/architecture.md');
  expect(rooms.filter((room) => !text.includes(`\`${room}\``))).toEqual([]);
});

test('case D5: docs/install.md allows each method that a device uses across origins', () => {
  const page = read('docs/install.md');
  const allowed = /access_control_allow_methods = ([A-Z,]+)/.exec(page)?.[1] ?? '';
  const methods = /readonly method: ([^;]+);/.exec(read('sw/transport/http.ts'))?.[1] ?? '';
  const used = methods.replace(/[' ]/g, '').split('|');
  expect(used).toContain('PATCH');
  // Only devices that delete their settled runs need DELETE, and the page says so.
  expect(page).toContain('and `DELETE`, where devices');
  expect([...allowed.split(','), 'DELETE'].sort()).toEqual(used.sort());
});
