// The PWA and Airflow under a single origin, as behind a reverse proxy in production.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { claimPort, releasePorts } from './ports.mjs';
import { proxyTo } from './proxy.mjs';

const DEFAULT_PORT = 5180;
/** @type {Record<string, string>} */
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {object} ServeOptions
 * @property {string | (() => string)} airflowUrl target of `/airflow`; a function, when the server
 *   may come back on another port
 * @property {number} [port] replaced by the next free port if taken; 0 is any
 * @property {string} dir the built PWA
 * @property {(request: Request, response: Response) => boolean | Promise<boolean>} [intercept] sees
 *   each request first; true: it has answered. Tests play a captive portal, a broken gateway or a
 *   cut wire by it.
 */

/**
 * Serves a built PWA on 127.0.0.1 with `/airflow` proxied to Airflow.
 * @param {ServeOptions} options
 * @returns {Promise<{ url: string, port: number, close: () => Promise<void> }>}
 */
export async function serveDemo({ airflowUrl, port = DEFAULT_PORT, dir, intercept }) {
  const target = typeof airflowUrl === 'function' ? airflowUrl : () => airflowUrl;
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  /** @param {Request} request @param {Response} response */
  async function answer(request, response) {
    if (intercept && (await intercept(request, response))) return;
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (path === '/airflow' || path.startsWith('/airflow/')) proxyTo(target(), request, response);
    else await serveFile(dir, path, request, response);
  }
  const wanted = port === 0 ? 0 : await claimPort(port);
  await new Promise((resolve, reject) =>
    server.once('error', reject).listen(wanted, '127.0.0.1', () => resolve(undefined)),
  ).finally(() => releasePorts(wanted));
  const address = server.address();
  const chosen = address && typeof address === 'object' ? address.port : wanted;
  const close = () =>
    new Promise((/** @type {(value: void) => void} */ resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${chosen}`, port: chosen, close };
}

/** @param {string} dir @param {string} path @param {Request} request @param {Response} response */
async function serveFile(dir, path, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse(response, 405, 'Only GET here');
  const file = await findFile(dir, path);
  if (!file) return refuse(response, 404, 'Not found');
  response.writeHead(200, {
    'content-type': TYPES[extname(file.path)] ?? 'application/octet-stream',
    'content-length': file.size,
    // Only Vite's hashed files never change. Worker and page must be requested each time, or an
    // update never arrives.
    'cache-control': path.startsWith('/assets/')
      ? 'public, max-age=31536000, immutable'
      : 'no-cache',
  });
  if (request.method === 'HEAD') response.end();
  else
    createReadStream(file.path)
      .on('error', (error) => response.destroy(error))
      .pipe(response);
}

/**
 * Returns the file of a path; a path without a file name is a place of the app and gets the app.
 * @param {string} dir
 * @param {string} path
 */
async function findFile(dir, path) {
  const decoded = safeDecode(path);
  const wanted = join(dir, normalize(decoded.endsWith('/') ? `${decoded}index.html` : decoded));
  if (wanted.includes('\0') || !wanted.startsWith(dir + sep)) return undefined;
  for (const candidate of extname(decoded) === '' ? [wanted, join(dir, 'index.html')] : [wanted]) {
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isFile()) return { path: candidate, size: found.size };
  }
  return undefined;
}

/** @param {string} path */
function safeDecode(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return '/\0';
  }
}

/** @param {Response} response @param {number} status @param {string} text */
function refuse(response, status, text) {
  response
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' })
    .end(`${text}\n`);
}
