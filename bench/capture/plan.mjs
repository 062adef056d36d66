import { Problem } from '../../scripts/lib/problem.mjs';

/**
 * @typedef {import('./page.ts').Work} Work
 * @typedef {object} Cell a store, and the works measured with it
 * @property {string} name in the figures
 * @property {'capture' | 'peers'} page
 * @property {string} store
 * @property {Work[]} works
 * @property {number} coldStarts
 * @property {boolean} hasBacklog measured in the profile with the backlog, not in a new one
 * @typedef {{ rounds: number, backlog: number, hasPeers: boolean, cells: Cell[] }} Plan
 */

const PARTS = ['awaited', 'inflight32', 'bulk1000', 'coldstart', 'backlog50k'];
const BACKLOG = 50_000;
const OWN = ['updraft', 'raw_page', 'raw_worker'];
const PEERS = ['dexie', 'dexie_relaxed', 'rxdb', 'pouchdb', 'workbox'];
const WITH_COLD_START = ['updraft', 'raw_worker'];

const FULL = { rounds: 5, warmUp: 20, awaited: 300, inFlight: 1_600, bulk: 3_000, coldStarts: 10 };
const QUICK = { rounds: 1, warmUp: 10, awaited: 150, inFlight: 640, bulk: 1_000, coldStarts: 5 };

/**
 * The rounds and cells that these options ask for.
 * @param {readonly string[]} options @returns {Plan}
 */
export function planOf(options) {
  const { isQuick, parts } = read(options);
  const sizes = isQuick ? QUICK : FULL;
  const { warmUp } = sizes;
  const hasBacklog = parts.includes('backlog50k') && !isQuick;
  const awaited = {
    name: 'awaited',
    beside: 0,
    warmUp,
    count: sizes.awaited,
    width: 1,
    isBulk: false,
  };
  const works = [
    awaited,
    { ...awaited, name: 'inflight32', count: sizes.inFlight, width: 32 },
    { ...awaited, name: 'bulk1000', count: sizes.bulk, width: 1_000, isBulk: true },
  ].filter(({ name }) => parts.includes(name));
  // The backlog's times are told beside those of an empty replica.
  const worksOfUpdraft = hasBacklog ? [...new Set([awaited, ...works])] : works;
  const hasPeers = !isQuick && works.length > 0;
  /** @param {'capture' | 'peers'} page @returns {(store: string) => Cell} */
  const cellOf = (page) => (store) => ({
    name: store,
    page,
    store,
    works: store === 'updraft' ? worksOfUpdraft : works,
    coldStarts:
      parts.includes('coldstart') && WITH_COLD_START.includes(store) ? sizes.coldStarts : 0,
    hasBacklog: false,
  });
  const cells = [
    ...OWN.map(cellOf('capture')),
    ...(hasPeers ? PEERS.map(cellOf('peers')) : []),
  ].filter((cell) => cell.works.length + cell.coldStarts > 0);
  /** @type {Cell} */
  const backlog = {
    name: 'backlog50k',
    page: 'capture',
    store: 'updraft',
    works: [{ ...awaited, name: 'backlog', beside: BACKLOG }],
    coldStarts: 0,
    hasBacklog: true,
  };
  return {
    rounds: sizes.rounds,
    backlog: hasBacklog ? BACKLOG : 0,
    hasPeers,
    cells: hasBacklog ? [...cells, backlog] : cells,
  };
}

/** @param {readonly string[]} options @returns {{ isQuick: boolean, parts: readonly string[] }} */
function read(options) {
  const isQuick = options[0] === '--quick';
  const [only, named = '', ...more] = isQuick ? options.slice(1) : options;
  const parts = only === undefined ? PARTS : named.split(',');
  const isKnown =
    (only === undefined || only === '--only') &&
    more.length === 0 &&
    parts.every((part) => PARTS.includes(part));
  if (!isKnown)
    throw new Problem(
      `npm run bench -- capture [--quick] [--only PART,…]   PART: ${PARTS.join(', ')}`,
    );
  return { isQuick, parts };
}
