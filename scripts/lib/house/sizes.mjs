import { atMost, lineAt, walk } from './tree.mjs';

const COLUMNS_MAX = 100;
const LINES_MAX = 70;

/**
 * Lengths of lines, functions and files.
 * @param {import('./tree.mjs').Tree} tree
 * @returns {import('./tree.mjs').Row[]}
 */
export function measureSizes({ typescript, python }) {
  const all = [...typescript, ...python];
  const wide = all.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        withoutPragma(line).length > COLUMNS_MAX && !isOneWord(line)
          ? [`${path}:${index + 1} has ${line.length} columns`]
          : [],
      ),
  );
  const product = all.filter(({ isProduct }) => isProduct);
  const lengths = product.map(({ text }) => text.split('\n').length - 1).sort((a, b) => a - b);
  const longest = [...product]
    .sort((a, b) => b.text.length - a.text.length)
    .map(({ path, text }) => `${path} has ${text.split('\n').length - 1} lines`);
  const functions = [
    ...typescript.filter(({ isTest }) => !isTest).flatMap(functionsOf),
    ...python.flatMap(pythonFunctionsOf),
  ].sort((a, b) => b.lines - a.lines);
  const long = functions
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ name, lines }) => `${name} has ${lines} lines`);
  return [
    atMost(`lines of more than ${COLUMNS_MAX} columns`, wide.length, 0, wide),
    atMost('median lines of a product file', at(lengths, 0.5), 80),
    atMost('p90 lines of a product file', at(lengths, 0.9), 180),
    atMost('longest product file, lines', lengths.at(-1) ?? 0, 360, longest),
    atMost(
      'median lines of a function',
      at(
        functions.map(({ lines }) => lines).sort((a, b) => a - b),
        0.5,
      ),
      10,
    ),
    atMost(
      'p90 lines of a function',
      at(
        functions.map(({ lines }) => lines).sort((a, b) => a - b),
        0.9,
      ),
      35,
    ),
    atMost(`functions of more than ${LINES_MAX} lines`, long.length, 0, long),
  ];
}

/** A line without what it says to a Python tool, which has to stand there. @param {string} line */
const withoutPragma = (line) => line.replace(/\s+# (noqa|type: ignore)\b.*$/, '');

/** Whether a line is a path or an address, which cannot be folded. @param {string} line */
const isOneWord = (line) => !/\S\s+\S+\s+\S/.test(line.trim().replace(/^(\/\/|\*|#)\s*/, ''));

/** @param {number[]} sorted @param {number} share */
const at = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** @param {import('./tree.mjs').Module} module */
function functionsOf({ path, text, ast }) {
  /** @type {{ name: string, lines: number }[]} */
  const found = [];
  walk(ast.program, (node) => {
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node['type']))
      return;
    const first = lineAt(text, node['start']);
    found.push({ name: `${path}:${first}`, lines: lineAt(text, node['end']) - first + 1 });
  });
  return found;
}

/**
 * A function ends before the next line that is indented as far as its `def`, or less.
 * @param {import('./tree.mjs').Source} source
 */
function pythonFunctionsOf({ path, text, isTest }) {
  if (isTest) return [];
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const indent = /^(\s*)(async )?def /.exec(line)?.[1];
    if (indent === undefined) return [];
    const after = lines
      .slice(index + 1)
      .findIndex(
        (next) => next.trim() !== '' && !next.startsWith(`${indent} `) && !/^\s*\)/.test(next),
      );
    return [
      { name: `${path}:${index + 1}`, lines: after === -1 ? lines.length - index - 1 : after + 1 },
    ];
  });
}
