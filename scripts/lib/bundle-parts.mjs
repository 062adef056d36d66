// Parts of a bundle: which packages and rooms make up its weight.
import { gzipSync } from 'node:zlib';
import { build, minifySync } from 'vite';
import { root } from './paths.mjs';

/** @typedef {{ name: string, bytes: number }} Part `bytes`: minified and compressed by itself */
/** @typedef {{ code: string, parts: Part[] }} Chunk `code`: the file's text */

const MARK = 'node_modules/';

/** @param {string | Uint8Array} content */
export const gzipBytes = (content) => gzipSync(content, { level: 9 }).length;

/**
 * Builds a mode of vite.config.ts in memory. Returns the chunks by file name, with the heaviest
 * part of each chunk first.
 * @param {string} mode
 * @returns {Promise<Map<string, Chunk>>}
 */
export async function chunksOf(mode) {
  const built = /** @type {import('vite').Rolldown.RolldownOutput[]} */ (
    [await build({ root, mode, logLevel: 'error', build: { write: false } })].flat()
  );
  const chunks = built.flatMap(({ output }) => output.filter((file) => file.type === 'chunk'));
  return new Map(
    chunks.map(({ fileName, code, modules }) => [fileName, { code, parts: partsOf(modules) }]),
  );
}

/** @param {import('vite').Rolldown.OutputChunk['modules']} modules @returns {Part[]} */
function partsOf(modules) {
  /** @type {Map<string, string>} */
  const codes = new Map();
  for (const [id, { code }] of Object.entries(modules))
    codes.set(partOf(id), `${codes.get(partOf(id)) ?? ''}${code ?? ''}\n`);
  return [...codes]
    .map(([name, code]) => ({
      name,
      bytes: gzipBytes(minifySync(name, code, { compress: false }).code),
    }))
    .sort((a, b) => b.bytes - a.bytes);
}

/**
 * Names the package or the folder of a module.
 * @param {string} id
 */
export function partOf(id) {
  const path = id.replaceAll('\\', '/').replace(`${root.replaceAll('\\', '/')}/`, '');
  if (path.startsWith('\0')) return 'bundler';
  const inPackage = path.slice(path.lastIndexOf(MARK) + MARK.length).split('/');
  if (path.includes(MARK)) return inPackage.slice(0, path.includes('/@') ? 2 : 1).join('/');
  return path.slice(0, path.lastIndexOf('/'));
}
