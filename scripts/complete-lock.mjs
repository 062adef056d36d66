// node scripts/complete-lock.mjs [--check]: name every platform's packages in package-lock.json.
// npm leaves a platform's optional package out of the lock when the package cannot be found at that
// moment, and then `npm ci` refuses the lock on every machine.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/paths.mjs';
import { main, Problem } from './lib/problem.mjs';

const OS = /android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|aix|win32/;
const CPU = /arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|wasm32|x64/;

/**
 * @typedef {{ version?: string, dev?: boolean, license?: string,
 *   optionalDependencies?: Record<string, string> } & Record<string, unknown>} Entry
 */

/**
 * Adds the missing optional packages to the lock's packages: with the exact version, and without an
 * integrity, since no archive was downloaded here.
 * @param {Record<string, Entry>} packages
 * @returns {{ packages: Record<string, Entry>, added: string[] }}
 */
export function complete(packages) {
  /** @type {Record<string, Entry>} */
  const all = { ...packages };
  const added = [];
  for (const entry of Object.values(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      // a range is resolved, or npm complains itself
      if (all[key] || !/^\d+\.\d+\.\d+/.test(version)) continue;
      const [os] = OS.exec(name) ?? [];
      const [cpu] = CPU.exec(name.replace(/^.*\//, '')) ?? [];
      all[key] = {
        version,
        ...(cpu && { cpu: [cpu] }),
        ...(entry.dev && { dev: true }),
        optional: true,
        ...(os && { os: [os] }),
      };
      added.push(name);
    }
  }
  const sorted = Object.entries(all).sort(([a], [b]) => a.localeCompare(b, 'en'));
  return { packages: Object.fromEntries(sorted), added };
}

if (process.argv[1]?.endsWith('complete-lock.mjs')) {
  await main(async () => {
    const file = join(root, 'package-lock.json');
    const lock = JSON.parse(readFileSync(file, 'utf8'));
    const { packages, added } = complete(lock.packages);
    if (process.argv.includes('--check') && added.length > 0) {
      throw new Problem(
        `package-lock.json lacks ${added.length} platforms' packages (${added[0]}, ` +
          '…): npm ci will refuse it. Run: node scripts/complete-lock.mjs',
      );
    }
    if (added.length > 0)
      writeFileSync(file, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
    process.stdout.write(
      added.length > 0 ? `added ${added.length} packages\n` : 'package-lock.json is complete\n',
    );
  });
}
