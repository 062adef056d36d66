// The browsers besides Chromium: their location, and their installation on a Debian machine.
import { existsSync } from 'node:fs';
import { say } from './problem.mjs';
import { capture, show } from './run.mjs';

/** @typedef {'firefox-esr' | 'WebKitWebDriver' | 'MiniBrowser' | 'Xvfb'} BrowserTool */

/** Debian package of each tool. @type {Record<BrowserTool, string>} */
const PACKAGES = {
  'firefox-esr': 'firefox-esr',
  WebKitWebDriver: 'webkit2gtk-driver',
  MiniBrowser: 'webkit2gtk-driver',
  Xvfb: 'xvfb',
};
/** WebKitGTK's own browser is not on the path. */
const MINI_BROWSERS = ['x86_64', 'aarch64'].flatMap((cpu) =>
  ['4.1', '4.0'].map((api) => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-${api}/MiniBrowser`),
);

/**
 * Returns the tool's path, or undefined.
 * @param {BrowserTool} tool
 * @returns {Promise<string | undefined>}
 */
export async function whichTool(tool) {
  if (tool === 'MiniBrowser') return MINI_BROWSERS.find((path) => existsSync(path));
  const { code, stdout } = await capture('which', [tool]);
  return code === 0 ? stdout.trim() : undefined;
}

/**
 * Installs missing tools if that needs no question: as root on Debian. Elsewhere the tests report
 * missing tools.
 */
export async function ensureBrowsers() {
  /** @type {Set<string>} */
  const missing = new Set();
  for (const [tool, name] of Object.entries(PACKAGES))
    if ((await whichTool(/** @type {BrowserTool} */ (tool))) === undefined) missing.add(name);
  if (missing.size === 0 || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return;
  say(`… installing ${[...missing].join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await show('apt-get', ['update', '-qq'], { env });
  await show('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
}
