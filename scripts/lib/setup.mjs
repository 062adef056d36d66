// Everything a checkout needs before a script can run. Uses nothing but Node until `npm ci` is
// done, does only missing steps, and reports each step in a line.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile, provider, python, root, stateRoot, venv } from './paths.mjs';
import { withPidLock } from './pid-lock.mjs';
import { Problem, say } from './problem.mjs';
import { capture, run, show, tail } from './run.mjs';
import { ensureNode, findChromium, findPython, installLine } from './tools.mjs';

const UV = 'uv>=0.9,<1';

/**
 * Installs Node's and Python's packages, and for tests a Chromium.
 * @param {{ chromium?: boolean }} [options]
 */
export async function setup({ chromium = false } = {}) {
  await ensureNode();
  await Promise.all([ensurePackages(), ensurePython()]);
  if (chromium) await ensureChromium();
}

/** @param {string[]} files */
const hashOf = (files) =>
  files.reduce((hash, file) => hash.update(readFileSync(file)), createHash('sha256')).digest('hex');

/** @param {string} stamp @param {string} hash */
const isStamped = (stamp, hash) => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;

/** Runs `npm ci` if nothing is installed or the lock file is newer than the installation. */
async function ensurePackages() {
  await withPidLock(join(stateRoot, 'npm.lock'), async () => {
    // written by npm at the end
    const installed = join(root, 'node_modules', '.package-lock.json');
    if (
      existsSync(installed) &&
      statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
    )
      return;
    const npm = process.env['npm_execpath'];
    const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    say('… npm ci');
    const done = await capture(command, [...first, 'ci', '--no-audit', '--no-fund']);
    if (done.code === 0) return;
    if (!done.stderr.includes('EUSAGE')) throw new Problem(`npm ci failed:\n${tail(done.stderr)}`);
    // The lock lacks a package that npm wants, such as another platform's: the packages in the lock
    // still count.
    say(
      '… npm ci refuses package-lock.json (node scripts/complete-lock.mjs may help); ' +
        'npm install --no-save',
    );
    await run(command, [...first, 'install', '--no-save', '--no-audit', '--no-fund']);
  });
}

/** Makes the virtual environment with Airflow, the provider and the tools, exactly as locked. */
export async function ensurePython() {
  await withPidLock(join(stateRoot, 'venv.lock'), async () => {
    const stamp = join(venv, '.updraft-installed');
    const hash = hashOf([lockFile, join(provider, 'pyproject.toml')]);
    if (existsSync(python) && isStamped(stamp, hash)) return;
    const base = await findPython();
    const uv = await ensureUv(base);
    rmSync(stamp, { force: true });
    if ((await capture(python, ['-c', ''])).code !== 0) {
      say(`… creating ${venv} with ${base}`);
      rmSync(venv, { recursive: true, force: true });
      await run(uv, ['venv', '--quiet', '--python', base, venv]);
    }
    say(
      '… installing Airflow, PostgreSQL and the provider (about 400 MB; a minute or ' +
        'two the first time)',
    );
    // Compiles byte code now, not at each start: some environments forbid Python to write byte
    // code, and Airflow then takes twice as long.
    await run(uv, [
      'pip',
      'sync',
      '--quiet',
      '--python',
      python,
      '--require-hashes',
      '--compile-bytecode',
      lockFile,
    ]);
    await run(uv, [
      'pip',
      'install',
      '--quiet',
      '--python',
      python,
      '--no-deps',
      '--editable',
      provider,
    ]);
    writeFileSync(stamp, hash);
  });
}

/**
 * Returns the machine's uv, or a copy installed in the state folder.
 * @param {string} base a Python
 * @returns {Promise<string>}
 */
async function ensureUv(base) {
  if ((await capture('uv', ['--version'])).code === 0) return 'uv';
  const own = join(stateRoot, 'uv');
  const uv = join(own, 'bin', 'uv');
  if ((await capture(uv, ['--version'])).code === 0) return uv;
  say('… installing uv');
  rmSync(own, { recursive: true, force: true });
  mkdirSync(stateRoot, { recursive: true });
  const made = await capture(base, ['-m', 'venv', own]);
  if (made.code !== 0) {
    throw new Problem(
      `${base} cannot create a virtual environment. Install what it lacks:\n  ` +
        `${await installLine('python')}\n${made.stdout}${made.stderr}`,
    );
  }
  await run(join(own, 'bin', 'python'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    UV,
  ]);
  return uv;
}

/**
 * Returns a browser for the tests, installed if missing.
 * @returns {Promise<string>} the browser's path
 */
export async function ensureChromium() {
  const found = await findChromium();
  if (found) return found;
  say('… installing Chromium');
  await show(process.execPath, [
    join(root, 'node_modules', '@playwright', 'test', 'cli.js'),
    'install',
    'chromium',
  ]);
  const isDebianRoot = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (!(await findChromium()) && isDebianRoot) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await show('apt-get', ['update', '-qq'], { env });
    await show('apt-get', ['install', '-y', '-qq', 'chromium', 'iproute2'], { env });
  }
  const installed = await findChromium();
  if (installed) return installed;
  throw new Problem(`The tests need Chromium. Install it:\n  ${await installLine('chromium')}`);
}
