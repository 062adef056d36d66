import { dirname, join } from 'node:path/posix';
import { atMost } from './tree.mjs';

/** @typedef {{ from: string, to: string, isType: boolean }} Import */

/**
 * Circles of files and rings of rooms.
 * @param {import('./tree.mjs').Tree} tree
 * @returns {import('./tree.mjs').Row[]}
 */
export function measureImports({ typescript, python }) {
  const product = typescript.filter(({ isProduct }) => isProduct);
  const imports = [
    ...typescript.filter(({ isTest }) => !isTest).flatMap(importsOf),
    ...pythonImportsOf(python.filter(({ isProduct }) => isProduct)),
  ];
  const circles = knots(imports.map(({ from, to }) => [from, to]));
  const arrows = imports
    .filter(({ isType }) => !isType)
    .map(({ from, to }) => /** @type {[string, string]} */ ([room(from), room(to)]));
  const rings = knots(arrows.filter(([from, to]) => areApart(from, to)));
  const record = imports.filter(
    ({ from, to }) => room(from) === 'sw/record' && !['sw/record', 'shared'].includes(room(to)),
  );
  const loose = product.filter(({ path }) => dirname(path) === 'sw').map(({ path }) => path);
  const looseTests = typescript
    .filter(({ path, isTest }) => dirname(path) === 'sw' && isTest && !path.endsWith('.test.ts'))
    .map(({ path }) => path);
  const modules = python
    .filter(
      ({ path }) => dirname(path) === 'provider/airflow_updraft' && !/\/__\w+__\.py$/.test(path),
    )
    .map(({ path }) => path);
  return [
    atMost('files in a circle of imports (types counted)', circles.length, 0, circles),
    atMost('rooms that import each other’s values in a ring', rings.length, 0, rings),
    atMost(
      'imports of sw/record/ from outside it and shared/',
      record.length,
      0,
      record.map(({ from, to }) => `${from} → ${to}`),
    ),
    atMost('loose product files in sw/', loose.length, 8, loose),
    atMost('test helpers between them', looseTests.length, 0, looseTests),
    atMost('loose modules in provider/airflow_updraft/', modules.length, 10, modules),
  ];
}

/** @param {import('./tree.mjs').Module} module @returns {Import[]} */
function importsOf({ path, text, ast }) {
  const { staticImports, staticExports, dynamicImports } = ast.module;
  const plain = staticImports.map(({ moduleRequest, entries }) => ({
    request: moduleRequest.value,
    isType: entries.length > 0 && entries.every(({ isType }) => isType),
  }));
  const passedOn = staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, isType }) =>
      moduleRequest ? [{ request: moduleRequest.value, isType }] : [],
    ),
  );
  const late = dynamicImports.map(({ moduleRequest: { start, end } }) => ({
    request: text.slice(start + 1, end - 1),
    isType: false,
  }));
  return [...plain, ...passedOn, ...late]
    .filter(({ request }) => request.startsWith('.') && /\.(tsx?|mjs)$/.test(request))
    .map(({ request, isType }) => ({ from: path, to: join(dirname(path), request), isType }));
}

/**
 * Returns the imports between a package's modules, late ones included. A package stands for its
 * `__init__.py`.
 * @param {import('./tree.mjs').Source[]} sources
 * @returns {Import[]}
 */
function pythonImportsOf(sources) {
  const files = new Map(
    sources.map(({ path }) => [
      path
        .replace(/^provider\//, '')
        .replace(/(\/__init__)?\.py$/, '')
        .replaceAll('/', '.'),
      path,
    ]),
  );
  return sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^( *)from (airflow_updraft[\w.]*) import (\([^)]*\)|.*)$/gm)].flatMap(
      ({ index, 1: indent = '', 2: from = '', 3: names = '' }) =>
        [...names.replace(/#.*$/gm, '').matchAll(/(\w+)(?: as \w+)?/g)].flatMap(({ 1: name }) => {
          const to = files.get(`${from}.${name}`) ?? files.get(from);
          return to && to !== path
            ? [{ from: path, to, isType: indent !== '' && isForTypes(text, index) }]
            : [];
        }),
    ),
  );
}

/**
 * Whether a line of Python is in the block of `if TYPE_CHECKING`.
 * @param {string} text
 * @param {number} at
 */
const isForTypes = (text, at) =>
  /\nif TYPE_CHECKING:\n(?:(?: .*)?\n)*$/.test(`\n${text.slice(0, at)}`);

/** @param {string} path */
const room = (path) => dirname(path);
/**
 * Whether two folders are rooms of one house. A folder and the folders inside may know each other:
 * the outer folder joins its rooms.
 * @param {string} from
 * @param {string} to
 */
const areApart = (from, to) => !`${from}/`.startsWith(`${to}/`) && !`${to}/`.startsWith(`${from}/`);

/**
 * Returns the names that lie on a circle of arrows.
 * @param {ReadonlyArray<readonly [string, string]>} arrows
 * @returns {string[]}
 */
function knots(arrows) {
  /** @type {Map<string, Set<string>>} */
  const out = new Map();
  for (const [from, to] of arrows) (out.get(from) ?? out.set(from, new Set()).get(from))?.add(to);
  return [...out.keys()].filter((name) => reaches(out, name)).sort();
}

/** Whether a name reaches itself. @param {Map<string, Set<string>>} out @param {string} start */
function reaches(out, start) {
  const seen = new Set();
  const left = [...(out.get(start) ?? [])];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (name === start) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    left.push(...(out.get(name) ?? []));
  }
  return false;
}
