// Shows /updraft/v1/health and /updraft/v1/overview. Every value becomes text: names and reasons come from devices.
'use strict';

const REFRESH_MS = 30_000;
const HEALTH_EVERY = 10; // refreshes: a check asks each part, some of them slowly
const $ = (id) => document.getElementById(id);
const when = (iso) => new Date(iso).toLocaleString();

/** A column is a heading, what to show of a row, and how: 'number' | 'long' | a function of the row. */
const columns = {
  unwell: [
    ['State', (f) => f.state, (f) => (f.state === 'failed' ? 'bad' : '')],
    ['Check', (f) => f.name],
    ['What', (f) => f.what, 'long'],
    ['Why it matters', (f) => f.why, 'long'],
    ['How to mend it', (f) => f.mend, 'long command'],
  ],
  checks: [
    ['State', (f) => f.state],
    ['Check', (f) => f.name],
    ['What', (f) => f.what, 'long'],
  ],
  collections: [
    ['Collection', (c) => (c.isDeclared ? c.name : `${c.name} (not declared)`), (c) => (c.isDeclared ? '' : 'bad')],
    ['Read', (c) => c.read],
    ['Write', (c) => c.write],
    ['Records', (c) => c.records, 'number'],
    ['Tombstones', (c) => c.tombstones, 'number'],
    ['Feed head', (c) => c.head, 'number'],
  ],
  consumers: [
    ['Consumer', (c) => c.name, 'long'],
    ['Collection', (c) => c.collection],
    ['Behind', (c) => (c.isExpired ? 'must begin anew' : c.behind), (c) => (c.isExpired ? 'bad' : 'number')],
    ['Set aside', (c) => c.refused, (c) => (c.refused > 0 ? 'bad' : 'number')],
  ],
  rejections: [
    ['User', (r) => r.user],
    ['Collection', (r) => r.collection],
    ['Record', (r) => r.id, 'long'],
    ['Reason', (r) => r.reason?.kind],
    ['Where', (r) => r.reason?.path],
  ],
  devices: [
    ['User', (d) => d.user],
    ['Last seen', (d) => (d.isOverdue ? `${when(d.lastSeen)} – overdue` : when(d.lastSeen)), (d) => (d.isOverdue ? 'bad' : '')],
    ['Came by', (d) => d.transport],
    ['Not sent yet', (d) => d.device.unsent, 'number'],
    ['Oldest', (d) => age(d.device.oldestSeconds)],
    ['Failures', (d) => d.device.failures, (d) => (d.device.failures > 0 ? 'bad' : 'number')],
    ['Kept out', (d) => d.device.keptOut, (d) => (d.device.keptOut > 0 ? 'bad' : 'number')],
    ['Woken by', (d) => d.device.wake],
    ['App', (d) => d.device.app, 'long'],
    ['Batches', (d) => d.batches, 'number'],
    ['Last batch', lastBatch, (d) => (d.verdicts.rejected ? 'bad' : '')],
    ['Replica', (d) => (d.isOfThisEpoch ? d.replicaId : `${d.replicaId} (must read again)`)],
  ],
};

columns['longest-away'] = columns.devices;

/** How long ago, in the largest unit that fits. */
function age(seconds) {
  if (seconds === undefined) return undefined;
  const [unit, length] = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]].find(([, of]) => seconds >= of) ?? ['s', 1];
  return `${Math.floor(seconds / length).toLocaleString()} ${unit}`;
}

function lastBatch(device) {
  if (device.lastWasVoided) return 'voided, to be split';
  const counts = Object.entries(device.verdicts).map(([verdict, count]) => `${count} ${verdict}`);
  return counts.join(', ') || '–';
}

function fillTable(id, rows) {
  const table = $(id);
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const [title, , style] of columns[id]) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = title;
    if (style === 'number') cell.className = style;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const [, show, style] of columns[id]) {
      const cell = line.insertCell();
      const value = show(row);
      cell.textContent = value === null || value === undefined ? '–' : typeof value === 'number' ? value.toLocaleString() : value;
      cell.className = typeof style === 'function' ? style(row) : (style ?? '');
    }
  }
  if (rows.length === 0) body.insertRow().insertCell().textContent = 'None.';
}

function fillFacts(facts) {
  $('facts').replaceChildren(
    ...facts.map(([name, value]) => {
      const box = document.createElement('div');
      const term = document.createElement('dt');
      const description = document.createElement('dd');
      term.textContent = name;
      description.textContent = typeof value === 'number' ? value.toLocaleString() : value;
      box.append(term, description);
      return box;
    }),
  );
}

function show(overview) {
  const { devices } = overview;
  fillFacts([
    ['Feed head', overview.revision],
    ['Pruned up to', overview.horizon],
    ['Epoch', overview.epoch],
    ['Devices', devices.total],
    [`Overdue (${devices.overdueDays} days)`, devices.overdue],
  ]);
  fillTable('collections', overview.collections);
  fillTable('consumers', overview.consumers);
  fillTable('rejections', overview.rejections);
  fillTable('devices', devices.shown);
  fillTable('longest-away', overview.longestAway);
  $('shown').textContent = `${devices.shown.length.toLocaleString()} of ${devices.total.toLocaleString()}, last seen first`;
  document.querySelector('main').hidden = false;
  $('state').textContent = `As of ${when(overview.at)}`;
}

/** Health first: it tells why the numbers below do not come. */
async function refreshHealth() {
  try {
    const response = await fetch('health', { headers: { 'X-Updraft': '1' }, credentials: 'same-origin' });
    if (response.ok) showHealth(await response.json());
  } catch {
    // The overview's own request says that the server cannot be reached.
  }
}

function showHealth({ counts, findings }) {
  const isUnwell = (f) => f.state === 'failed' || f.state === 'warning';
  const unwell = findings.filter(isUnwell);
  $('health-words').textContent = unwell.length
    ? `Failed: ${counts.failed}. Warnings: ${counts.warning}. Well: ${counts.ok}.`
    : `All ${counts.ok} checks are well.`;
  $('unwell').hidden = unwell.length === 0;
  fillTable('unwell', unwell);
  fillTable('checks', findings.filter((f) => !isUnwell(f)));
  $('health').hidden = false;
}

async function refresh() {
  try {
    const response = await fetch('overview', { headers: { 'X-Updraft': '1' }, credentials: 'same-origin' });
    const body = await response.json().catch(() => ({}));
    if (response.ok) show(body);
    else $('state').textContent = words(response.status, body.detail);
  } catch {
    $('state').textContent = 'The server cannot be reached.';
  }
}

function words(status, detail) {
  if (status === 401) return 'Sign in to Airflow to see this page.';
  if (status === 403) return 'This page names all users: it needs the right to edit the Connection updraft_default (role Op).';
  return detail?.message ?? `The server answered ${status}.`;
}

let refreshes = 0;

function refreshBoth() {
  if (refreshes++ % HEALTH_EVERY === 0) void refreshHealth();
  return refresh();
}

$('refresh').addEventListener('click', () => {
  refreshes = 0;
  return refreshBoth();
});
setInterval(() => document.visibilityState === 'visible' && refreshBoth(), REFRESH_MS);
refreshBoth();
