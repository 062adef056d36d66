// Reads the kinds of errors from the sources that throw them, for docs/errors.md.

/**
 * A checkout's files: the paths under a folder, and a file's text.
 * @typedef {{ list: (folder: string) => string[], read: (path: string) => string }} Sources
 */

/** @param {string} text @param {RegExp} pattern */
const all = (text, pattern) => [...text.matchAll(pattern)].map(([, first = '']) => first);
/** Each name once, in order. Throws where there is none: then the pattern is out of date. */
/** @param {string} what @param {string[]} names */
function some(what, names) {
  if (names.length === 0) throw new Error(`No kinds were found in ${what}: read it anew.`);
  return [...new Set(names)].sort();
}
/** @param {string} text */
const withoutComments = (text) =>
  text.replace(/\/\*[^]*?\*\//g, '').replace(/^\s*\/\/.*\n|\s+\/\/ .*$/gm, '');

/** The texts of a union type; of a union of objects, those of one property. */
/** @param {Sources} sources @param {string} path @param {string} name @param {string} [property] */
function unionOf({ read }, path, name, property) {
  const body = new RegExp(`type ${name} =([^]*?);\\n(?=\\n|export|/|$)`).exec(
    withoutComments(read(path)),
  )?.[1];
  const before = property === undefined ? '' : `readonly ${property}: `;
  return some(`${name} of ${path}`, all(body ?? '', new RegExp(`${before}'([a-z-]+)'`, 'g')));
}

/**
 * The kinds of the reasons that the worker gives for a record. Its calls have a type of their own.
 * @param {Sources} sources
 */
function workerReasons({ list, read }) {
  const files = list('sw').filter((path) => !/test|simulation|acceptance|\/calls\//.test(path));
  const given = files.flatMap((path) => all(read(path), /\bkind: ([^,;{}]+?),\s*message\b/g));
  return given
    .filter((value) => !value.includes('v.'))
    .flatMap((value) => all(value, /'([\w-]+)'/g));
}

/** Arguments that pass a kind on, which is found where it is given. */
const PASSED_ON = ['error.kind', 'kind', 'kind: str', 'verdict["reason"]["kind"]', 'UpdraftError'];

/**
 * The first argument of each such call in the provider. Throws for one that cannot be read.
 * @param {Sources} sources
 * @param {string} call
 * @param {string} [before] Arguments before the kind.
 * @returns {string[][]} The groups of `before`, then the kind.
 */
function providerCalls({ list, read }, call, before = '') {
  const files = list('provider/airflow_updraft').filter((path) => path.endsWith('.py'));
  const calls = files.flatMap((path) => [
    ...read(path).matchAll(new RegExp(`\\b(?:${call})\\(\\s*${before}([^,)]+)`, 'g')),
  ]);
  return calls.flatMap(([, ...groups]) => {
    const kind = groups.pop() ?? '';
    if (PASSED_ON.includes(kind)) return [];
    const [name] = all(kind, /^"(\w+)"$/g);
    if (name === undefined) throw new Error(`${call}(${kind}) gives no kind that can be read.`);
    return [[...groups, name]];
  });
}

/** @param {Sources} sources */
const reasons = (sources) => {
  const errors = unionOf(sources, 'shared/errors.ts', 'ErrorKind');
  const worker = workerReasons(sources).filter((kind) => !errors.includes(kind));
  const provider = providerCalls(sources, 'Problem|_rejected|InvalidRequestError').flat();
  return some('worker and provider', [...worker, ...provider]);
};

/** The classes of errors.py with their kinds, and the class that each extends. */
/** @param {Sources} sources */
function errorClasses({ read }) {
  const text = read('provider/airflow_updraft/errors.py');
  return text.split(/^class /m).flatMap((body) => {
    const [, name, base] = /^(\w+)\((\w+)\):/.exec(body) ?? [];
    return name ? [{ name, base, kind: /^ {4}kind = "(\w+)"/m.exec(body)?.[1] }] : [];
  });
}

/** The plugin's answers, each as `kind (status, …)`. @param {Sources} sources */
function httpAnswers(sources) {
  const classes = errorClasses(sources);
  const store = classes.filter(
    ({ name, base }) =>
      /^Store(NotConfigured|Refused)Error$/.test(name) || base === 'StoreRefusedError',
  );
  const answers = [
    ...providerCalls(sources, 'RouteError', '(\\d{3}),\\s*'),
    ...store.flatMap(({ kind }) => (kind ? [['503', kind]] : [])),
  ];
  const kinds = some(
    'the plugin',
    answers.map(([, kind = '']) => kind),
  );
  return kinds.map((kind) => {
    const statuses = answers.flatMap(([status = '', of]) => (of === kind ? [status] : []));
    return `${kind} (${[...new Set(statuses)].sort().join(', ')})`;
  });
}

/**
 * The kinds that each section of docs/errors.md has entries for, by the section's heading.
 * @type {Readonly<Record<string, (sources: Sources) => string[]>>}
 */
export const SECTIONS = {
  'What a call rejects with': (sources) => unionOf(sources, 'shared/errors.ts', 'ErrorKind'),
  'Why a change is refused': reasons,
  'Why a person is asked': (sources) => unionOf(sources, 'shared/conflict.ts', 'ConflictReason'),
  'Why a queued call is refused': (sources) => [
    ...unionOf(sources, 'shared/calls.ts', 'CallReason', 'kind'),
    ...unionOf(sources, 'shared/calls.ts', 'CallConflict', 'conflict'),
  ],
  'Why a person has to sign in': (sources) => unionOf(sources, 'shared/messages.ts', 'AuthReason'),
  'Refused exchanges': ({ read }) => {
    const [list = ''] = all(read('shared/exchange.ts'), /refused: [^[]*picklist\(\[([^\]]*)\]/g);
    return some('refused of shared/exchange.ts', all(list, /'(\w+)'/g));
  },
  'HTTP answers of the plugin': httpAnswers,
  "In Airflow's logs, and in DAGs": (sources) =>
    some(
      'errors.py',
      errorClasses(sources).flatMap(({ kind }) => kind ?? []),
    ),
  'Lost storage and damaged rows': ({ read }) => {
    const [body = ''] = all(read('shared/status.ts'), /interface StorageLoss \{([^]*?)\n\}/g);
    return some('StorageLoss', all(body, /readonly (\w+):/g));
  },
};
