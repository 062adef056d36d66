// Finds the tools that must be on the machine already, and the exact line that installs a missing
// tool.
import { existsSync } from 'node:fs';
import { Problem } from './problem.mjs';
import { capture } from './run.mjs';

const NODE_MIN = [20, 19];
const PYTHON_MIN = [3, 11];
const PYTHONS = ['python3.13', 'python3.12', 'python3.11', 'python3.14', 'python3', 'python'];
const CHROMIUMS = [
  'chromium',
  'google-chrome',
  'google-chrome-stable',
  'chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** @typedef {'node' | 'python' | 'chromium'} Tool */
/** @type {Record<'apt-get' | 'dnf' | 'brew', Record<Tool, string>>} */
const INSTALL = {
  'apt-get': {
    node:
      'curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash - && sudo ' +
      'apt-get install -y nodejs',
    python: 'sudo apt-get update && sudo apt-get install -y python3 python3-venv',
    chromium: 'sudo apt-get update && sudo apt-get install -y chromium iproute2',
  },
  dnf: {
    node: 'sudo dnf install -y nodejs22',
    python: 'sudo dnf install -y python3.12',
    chromium: 'sudo dnf install -y chromium iproute',
  },
  brew: {
    node: 'brew install node@22',
    python: 'brew install python@3.12',
    chromium: 'brew install --cask chromium',
  },
};

/**
 * Returns the line that installs a tool on this machine.
 * @param {Tool} tool
 * @returns {Promise<string>}
 */
export async function installLine(tool) {
  for (const [manager, lines] of Object.entries(INSTALL)) {
    if ((await capture(manager, ['--version'])).code === 0) return lines[tool];
  }
  return Object.values(INSTALL)
    .map((lines) => lines[tool])
    .join('\n  or: ');
}

/** @param {number[]} version @param {number[]} least */
export function isAtLeast(version, least) {
  const [major = 0, minor = 0] = version;
  const [leastMajor = 0, leastMinor = 0] = least;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/** @param {string} [version] */
export async function ensureNode(version = process.versions.node) {
  if (isAtLeast(version.split('.').map(Number), NODE_MIN)) return;
  throw new Problem(
    `Node ${NODE_MIN.join('.')} or newer is needed, this is ${version}. Install ` +
      `it:\n  ${await installLine('node')}`,
  );
}

/** Returns a Python that can run Airflow. @returns {Promise<string>} */
export async function findPython() {
  for (const name of PYTHONS) {
    const { code, stdout } = await capture(name, [
      '-c',
      'import sys; print(sys.version_info[0], sys.version_info[1], sys.executable)',
    ]);
    const [major, minor, ...path] = stdout.trim().split(' ');
    if (code === 0 && isAtLeast([Number(major), Number(minor)], PYTHON_MIN)) return path.join(' ');
  }
  throw new Problem(
    `Python ${PYTHON_MIN.join('.')} or newer is needed. Install it:\n  ` +
      (await installLine('python')),
  );
}

/** Returns a Chromium that starts, or undefined. @returns {Promise<string | undefined>} */
export async function findChromium() {
  for (const name of [
    process.env['UPDRAFT_CHROMIUM'] ?? '',
    ...CHROMIUMS,
    await playwrightsOwn(),
  ]) {
    if (name === '' || (name.startsWith('/') && !existsSync(name))) continue;
    // Ubuntu's chromium-browser may be a stub that only says where to get Chromium
    const { code, stdout } = await capture(name, ['--version']);
    if (code === 0 && /\d+\.\d+/.test(stdout))
      return name.startsWith('/') ? name : (await capture('which', [name])).stdout.trim();
  }
  return undefined;
}

/** @returns {Promise<string>} path of Playwright's own Chromium, '' before npm ci */
async function playwrightsOwn() {
  try {
    const { chromium } = await import('@playwright/test');
    return chromium.executablePath();
  } catch {
    return '';
  }
}
