/**
 * @typedef {import('./cells.mjs').Round} Round
 * @typedef {import('./cells.mjs').Result} Result
 * @typedef {{ figure: string, value: number, unit: string }} Figure
 */

const STORES = ['updraft', 'raw_page', 'raw_worker', 'dexie', 'dexie_relaxed'];
const PEERS = ['dexie', 'rxdb', 'pouchdb', 'workbox'];
const ALL = [...new Set([...STORES, ...PEERS])];

/**
 * The figures of all that these rounds hold: the ratios first.
 * @param {readonly Round[]} rounds @returns {Figure[]}
 */
export function figuresOf(rounds) {
  /** @param {string} cell @param {string} work @param {keyof Result} key */
  const of = (cell, work, key) =>
    median(rounds.flatMap((round) => round.get(cell)?.get(work)?.[key] ?? []));
  return [...ratios(of), ...absolutes(of)]
    .filter(({ value }) => !Number.isNaN(value))
    .map(({ figure, value, unit }) => ({
      figure: `capture.${figure}`,
      value: Number(value.toFixed(3)),
      unit,
    }));
}

/** @typedef {(cell: string, work: string, key: keyof Result) => number} Of NaN: not measured */

/** @param {Of} of @returns {Figure[]} */
function ratios(of) {
  const ours = (/** @type {string} */ work) => of('updraft', work, 'rate');
  const worker = of('raw_worker', 'awaited', 'rate');
  const best = Math.max(
    ...PEERS.map((peer) => of(peer, 'awaited', 'rate')).filter((rate) => !Number.isNaN(rate)),
  );
  const beside = [...PEERS, 'dexie_relaxed'];
  /** @param {string} work @returns {[string, number][]} */
  const perPeer = (work) =>
    beside.map((peer) => [`${work}.vs_${peer}`, ours(work) / of(peer, work, 'rate')]);
  /** @type {[string, number][]} */
  const all = [
    ['awaited.vs_raw_worker', ours('awaited') / worker],
    // Ratio to the figure above: a page that waits for each reply.
    ['inflight32.vs_raw_worker', ours('inflight32') / worker],
    [
      'inflight32.vs_raw_worker_inflight32',
      ours('inflight32') / of('raw_worker', 'inflight32', 'rate'),
    ],
    ['bulk1000.vs_raw_bulk', ours('bulk1000') / of('raw_page', 'bulk1000', 'rate')],
    ['awaited.vs_best_peer', best > 0 ? ours('awaited') / best : Number.NaN],
    ...['awaited', 'inflight32', 'bulk1000'].flatMap(perPeer),
    ['backlog50k.p50', of('backlog50k', 'backlog', 'p50') / of('updraft', 'awaited', 'p50')],
    ['backlog50k.p95', of('backlog50k', 'backlog', 'p95') / of('updraft', 'awaited', 'p95')],
  ];
  return all.map(([name, value]) => ({ figure: `${name}.ratio`, value, unit: 'ratio' }));
}

/** @param {Of} of @returns {Figure[]} */
function absolutes(of) {
  const suffix = (/** @type {string} */ cell) => (cell === 'updraft' ? '' : `.${cell}`);
  /** @param {string} name @param {string} cell @param {string} work @returns {Figure[]} */
  const times = (name, cell, work) => [
    { figure: `${name}.p50_ms`, value: of(cell, work, 'p50'), unit: 'ms' },
    { figure: `${name}.p95_ms`, value: of(cell, work, 'p95'), unit: 'ms' },
  ];
  /** @param {string} work @returns {Figure[]} */
  const rates = (work) =>
    ALL.map((cell) => ({
      figure: `${work}${suffix(cell)}.rec_s`,
      value: of(cell, work, 'rate'),
      unit: 'rec/s',
    }));
  return [
    ...times('coldstart', 'updraft', 'coldstart'),
    ...times('coldstart.raw_worker', 'raw_worker', 'coldstart'),
    ...times('backlog50k', 'backlog50k', 'backlog'),
    ...ALL.flatMap((cell) => times(`awaited${suffix(cell)}`, cell, 'awaited')),
    ...['awaited', 'inflight32', 'bulk1000'].flatMap(rates),
  ];
}

/** @param {readonly number[]} values NaN of none */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
