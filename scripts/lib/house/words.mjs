import { atMost, lineAt, walk } from './tree.mjs';

/** Words that begin a comment whose subject is somewhere else. */
const RIDDLES = [
  'It',
  'Its',
  'What',
  'Whatever',
  'Who',
  'Whoever',
  'Which',
  'One',
  'Ones',
  'Those',
  'They',
  'Them',
  'These',
  'This',
  'That',
  'Such',
  'So',
  'Of',
  'Where',
  'Wherever',
  'The same',
];
const INDEFINITE = /\b(what|whatever|one|ones|it|its|they|them|those)\b/gi;
const WORDS = /[\p{L}][\p{L}’'-]*/gu;
/**
 * A union's tag is `kind`; on the wire the tags of protocol and messages. `conflict` tags a call's
 * conflict inside a reason that has a `kind` already; stored, and sent to pages.
 */
const TAGS = ['kind', 'type', 'op', 'verdict', 'updraft', 'conflict'];

/**
 * Comments and names.
 * @param {import('./tree.mjs').Tree} tree
 * @returns {import('./tree.mjs').Row[]}
 */
export function measureWords({ typescript, python }) {
  const comments = [...typescript.flatMap(commentsOf), ...python.flatMap(pythonCommentsOf)];
  const riddles = comments.filter(({ text }) =>
    RIDDLES.some((word) => text.startsWith(word) && !/^[\w-]/.test(text.slice(word.length))),
  );
  const words = comments.reduce((sum, { text }) => sum + (text.match(WORDS)?.length ?? 0), 0);
  const indefinite = comments.reduce(
    (sum, { text }) => sum + (text.match(INDEFINITE)?.length ?? 0),
    0,
  );
  const worst = [...comments]
    .map(({ at, text }) => ({ at, count: text.match(INDEFINITE)?.length ?? 0 }))
    .sort((a, b) => b.count - a.count)
    .map(({ at, count }) => `${at}: ${count}`);
  const tags = [...new Set(typescript.filter(({ isProduct }) => isProduct).flatMap(tagsOf))].filter(
    (tag) => !TAGS.includes(tag.split(' ')[0] ?? ''),
  );
  return [
    atMost(
      'comments that begin with a pronoun or a relative, %',
      percent(riddles.length, comments.length),
      2,
      riddles.map(({ at, text }) => `${at}: ${text.slice(0, 80)}`),
    ),
    atMost('indefinite words in 100 words of comment', percent(indefinite, words), 1.5, worst),
    atMost('names of a union’s tag besides kind, and the wire’s', tags.length, 0, tags),
  ];
}

/** @param {number} part @param {number} whole */
const percent = (part, whole) => Math.round((1000 * part) / Math.max(1, whole)) / 10;

/**
 * Returns the comments; line comments in a row count as one.
 * @param {import('./tree.mjs').Module} module
 */
function commentsOf({ path, text, ast }) {
  /** @type {{ at: string, text: string, end: number, isLine: boolean }[]} */
  const found = [];
  for (const { type, value, start, end } of ast.comments) {
    const last = found.at(-1);
    const words = value
      .replace(/^\s*\*+/gm, '')
      .replace(/\s+/g, ' ')
      .trim();
    if (type === 'Line' && last?.isLine && /^\s*$/.test(text.slice(last.end, start)))
      Object.assign(last, { text: `${last.text} ${words}`, end });
    else
      found.push({
        at: `${path}:${lineAt(text, start)}`,
        text: words,
        end,
        isLine: type === 'Line',
      });
  }
  return found;
}

/** Docstrings and comments. @param {import('./tree.mjs').Source} source */
function pythonCommentsOf({ path, text }) {
  const pattern = /^[ \t]*"""([\s\S]*?)"""|((?:^[ \t]*#(?!!).*\n)+)/gm;
  return [...text.matchAll(pattern)].map((match) => ({
    at: `${path}:${lineAt(text, match.index)}`,
    text: (match[1] ?? match[2] ?? '').replace(/^\s*#/gm, '').replace(/\s+/g, ' ').trim(),
  }));
}

/**
 * Returns the properties that tell a union's members apart.
 * @param {import('./tree.mjs').Module} module
 */
function tagsOf({ path, text, ast }) {
  /** @type {string[]} */
  const tags = [];
  walk(ast.program, (node) => {
    if (node['type'] !== 'TSUnionType') return;
    const members = node['types'].filter(
      (/** @type {any} */ member) => member.type === 'TSTypeLiteral',
    );
    if (members.length < 2) return;
    const literal = (/** @type {any} */ member) =>
      member.members
        .filter(
          (/** @type {any} */ part) =>
            part.type === 'TSPropertySignature' &&
            part.typeAnnotation?.typeAnnotation?.type === 'TSLiteralType',
        )
        .filter(
          (/** @type {any} */ part) =>
            typeof part.typeAnnotation.typeAnnotation.literal.value === 'string',
        )
        .map((/** @type {any} */ part) => part.key.name);
    const [first, ...rest] = members.map(literal);
    for (const name of first)
      if (rest.every((/** @type {string[]} */ names) => names.includes(name)))
        tags.push(`${name} (${path}:${lineAt(text, node['start'])})`);
  });
  return tags;
}
