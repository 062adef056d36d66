import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/lib/paths.mjs';
import { PROTOCOL_VERSION } from '../../shared/protocol-version.ts';

const run = promisify(execFile);
const SOURCES = [
  'bindings',
  'client',
  'demo',
  'shared',
  'sw',
  'package.json',
  'tsconfig.json',
  'vite.config.ts',
];
const LIMITS = 'shared/contract/limits.json';

/**
 * The demo as of a past or future version that speaks one protocol, so far from today's newest; all
 * else is today's.
 */
export class OtherBuild {
  /** Folder of the built app. */
  readonly dir: string;
  readonly #sources: string;
  private constructor(sources: string) {
    this.#sources = sources;
    this.dir = join(sources, 'dist', 'demo');
  }

  static async apart(versions: number): Promise<OtherBuild> {
    const other = new OtherBuild(await mkdtemp(join(tmpdir(), 'updraft-e2e-build-')));
    try {
      await other.#build(PROTOCOL_VERSION + versions);
    } catch (error) {
      await other.dispose();
      throw error;
    }
    return other;
  }

  async #build(protocol: number): Promise<void> {
    const sources = this.#sources;
    await Promise.all(
      SOURCES.map((name) => cp(join(root, name), join(sources, name), { recursive: true })),
    );
    await symlink(join(root, 'node_modules'), join(sources, 'node_modules'));
    const limits = JSON.parse(await readFile(join(sources, LIMITS), 'utf8')) as object;
    await writeFile(
      join(sources, LIMITS),
      JSON.stringify({ ...limits, protocol, protocol_floor: protocol }),
    );
    await run(
      process.execPath,
      [
        join(root, 'node_modules/vite/bin/vite.js'),
        'build',
        '--mode',
        'demo',
        '--logLevel',
        'error',
      ],
      { cwd: sources },
    );
  }

  async dispose(): Promise<void> {
    await rm(this.#sources, { recursive: true, force: true });
  }
}
