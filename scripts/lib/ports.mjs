import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { releasePidLock, tryPidLock } from './pid-lock.mjs';

const TRIES_MAX = 20;
/** Ports that were chosen and are not listened at yet, each with its process; one place a user. */
const claims = join(tmpdir(), `updraft-ports-${userInfo().uid}`);

/**
 * Whether a port of 127.0.0.1 can be taken now.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

/**
 * Returns the wanted port, or the next free port after it, or any.
 * @param {number} wanted
 * @returns {Promise<number>}
 */
export async function freePort(wanted) {
  for (let port = wanted; port < wanted + TRIES_MAX && port < 65_536; port += 1) {
    if (await isFree(port)) return port;
  }
  return await anyPort();
}

/**
 * Returns a free port as `freePort` does, and keeps it from other checkouts until `releasePorts`,
 * or until this process ends: Airflow listens seconds after its port was chosen.
 * @param {number} wanted
 * @returns {Promise<number>}
 */
export async function claimPort(wanted) {
  for (let port = wanted; port < wanted + TRIES_MAX && port < 65_536; port += 1) {
    if (tryPidLock(join(claims, String(port))) && (await isFree(port))) return port;
  }
  return await anyPort();
}

/**
 * Gives up what `claimPort` kept, once somebody listens: a server that is started again, by any
 * process, finds its port.
 * @param {number[]} ports
 */
export function releasePorts(...ports) {
  for (const port of ports) releasePidLock(join(claims, String(port)));
}

/** @returns {Promise<number>} */
function anyPort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('no port')),
      );
    });
  });
}
