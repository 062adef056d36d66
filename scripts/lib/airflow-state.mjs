// Files of a server, and the check that a folder is a server's.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { newSecrets, users } from './airflow-settings.mjs';
import { lockFile } from './paths.mjs';
import { Problem } from './problem.mjs';

const FORMAT = 1;

/** @typedef {{ port: number, leader: number }} Record_ what the last start noted */
/** @param {string} folder */
export function stateAt(folder) {
  const dir = resolve(folder);
  const at = (/** @type {string} */ name) => join(dir, name);
  return {
    dir,
    home: at('home'),
    logs: at('logs'),
    postgres: at('postgres'),
    record: at('server.json'),
    secrets: at('secrets.json'),
    format: at('format.json'),
    lock: `${dir}.lock`,
  };
}
/** @typedef {ReturnType<typeof stateAt>} State */

/**
 * Returns the error for a folder that no server can use.
 * @param {string} dir
 * @param {string} reason
 */
export function broken(dir, reason) {
  return new Problem(
    `The state folder ${dir} cannot be used: ${reason}\n` +
      '  Start with a new one (what the demo server holds is lost): npm start -- --fresh\n' +
      '  or, for the Airflow server alone: npm run airflow -- start --fresh',
  );
}

/**
 * Creates the folder, or checks that the folder is a server's and of this version.
 * @param {State} state
 */
export function openState(state) {
  if (!existsSync(state.dir) || readdirSync(state.dir).length === 0) {
    for (const folder of [state.home, state.logs]) mkdirSync(folder, { recursive: true });
    writeJson(state.secrets, newSecrets());
    writeJson(
      join(state.home, 'simple_auth_manager_passwords.json.generated'),
      Object.fromEntries(users.map((user) => [user.name, user.password])),
    );
    writeJson(state.format, { format: FORMAT });
    return;
  }
  const format = readJson(state.format);
  if (!format)
    throw broken(state.dir, 'it was not made by Updraft, or its format.json is unreadable.');
  if (format['format'] !== FORMAT)
    throw broken(state.dir, `it has format ${format['format']}, this version needs ${FORMAT}.`);
  const { jwt, session, fernet } = readJson(state.secrets) ?? {};
  if (![jwt, session, fernet].every((secret) => typeof secret === 'string'))
    throw broken(state.dir, 'secrets.json is missing or damaged.');
  for (const folder of [state.home, state.logs]) mkdirSync(folder, { recursive: true });
}

/** @param {State} state @returns {import('./airflow-settings.mjs').Secrets} */
export function secretsOf(state) {
  const { jwt, session, fernet } = readJson(state.secrets) ?? {};
  return { jwt: String(jwt), session: String(session), fernet: String(fernet) };
}

/**
 * Returns the last start's note, or undefined.
 * @param {State} state
 * @returns {Record_ | undefined}
 */
export function recordOf(state) {
  const { port, leader } = readJson(state.record) ?? {};
  return typeof port === 'number' && typeof leader === 'number' ? { port, leader } : undefined;
}

/** Fingerprint of the installed packages: Airflow's database is prepared once for each. */
export const preparedFor = () => createHash('sha256').update(readFileSync(lockFile)).digest('hex');

/** @param {State} state */
export const isPrepared = (state) =>
  readJson(join(state.dir, 'prepared.json'))?.['lock'] === preparedFor();

/** @param {State} state */
export const notePrepared = (state) =>
  writeJson(join(state.dir, 'prepared.json'), { lock: preparedFor() });

/** Keeps the last start's logs beside the new logs. @param {State} state */
export function turnLogs(state) {
  for (const name of readdirSync(state.logs)) {
    if (name.endsWith('.log')) renameSync(join(state.logs, name), join(state.logs, `${name}.1`));
  }
}

/**
 * Removes the folder of a server, or an empty folder; refuses a foreign folder.
 * @param {State} state
 */
export function wipe(state) {
  if (!existsSync(state.dir)) return;
  const ours = ['format.json', 'server.json', 'secrets.json', 'postgres', 'home', 'logs'];
  const names = readdirSync(state.dir);
  if (names.length > 0 && !names.some((name) => ours.includes(name))) {
    throw new Problem(
      `${state.dir} was not made by Updraft and is not removed. Remove it yourself, ` +
        'or choose another folder with --state.',
    );
  }
  rmSync(state.dir, { recursive: true, force: true });
}

/** @param {string} file @returns {Record<string, unknown> | undefined} */
function readJson(file) {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8'));
    return value && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes a file aside and moves it into place: a reader never sees half of the file.
 * @param {string} file
 * @param {object} value
 */
export function writeJson(file, value) {
  writeFileSync(`${file}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
