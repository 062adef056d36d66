import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, root } from './paths.mjs';

/**
 * Tests are left out: they spell out transports and parts, and the compiler would name them too.
 */
const TESTS = /(\.(test|sim|accept)\.ts$|^sw\/(simulation|acceptance|testing)(\/|$)|-device\.ts$)/;

/**
 * @typedef {{ file: string, after: string, add: string }} Edit text that is added to a source, and
 *   the text that it follows
 * @typedef {{ files: string[], lacks: string[] }} Unfinished the files that the compiler names, and
 *   the paths in stored rows that a schema lacks
 */

/**
 * Compiles a copy of the worker's sources with the edits made.
 * @param {readonly Edit[]} edits @returns {Promise<Unfinished>}
 */
export async function compileWith(edits) {
  const folder = mkdtempSync(join(tmpdir(), 'updraft-planted-'));
  try {
    for (const name of ['tsconfig.json', 'shared', 'sw'])
      cpSync(join(root, name), join(folder, name), {
        recursive: true,
        filter: (source) => !TESTS.test(source.slice(root.length + 1)),
      });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const { file, after, add } of edits) {
      const text = readFileSync(join(folder, file), 'utf8');
      if (!text.includes(after)) throw new Error(`${file} no longer holds: ${after}`);
      writeFileSync(
        join(folder, file),
        text.replace(after, () => after + add),
      );
    }
    return await compile(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} cwd @returns {Promise<Unfinished>} */
function compile(cwd) {
  const compiler = spawn(bin('tsc'), ['-p', 'sw', '--pretty', 'false'], { cwd });
  let output = '';
  compiler.stdout.on('data', (text) => (output += text));
  compiler.stderr.on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    compiler.on('error', reject);
    compiler.on('close', () => {
      const named = [...output.matchAll(/^(\S+\.ts)\(\d+,\d+\): error/gm)];
      if (output !== '' && named.length === 0) return reject(new Error(output));
      const lacks = [...output.matchAll(/readonly "([^"]+)": "is not in the schema"/g)];
      const files = new Set(named.map(([, file]) => file ?? ''));
      resolve({ files: [...files].sort(), lacks: lacks.map(([, path]) => path ?? '') });
    });
  });
}
