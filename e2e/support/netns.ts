import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { lane } from './lane.ts';

const NAME = 'updraft-e2e-';
const serveInside = fileURLToPath(new URL('./serve-inside.mjs', import.meta.url));

const ip = (...args: string[]): string =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Returns the obstacle to cutting a link on this machine, or undefined. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'Network namespaces exist on Linux only.';
  if (process.getuid?.() !== 0)
    return (
      'Cutting a real link needs root: sudo npm run test:e2e. The same story ' +
      'runs with an emulated cut.'
    );
  try {
    ip('netns', 'add', `${NAME}0`);
    ip('netns', 'del', `${NAME}0`);
    return undefined;
  } catch (error) {
    return `Network namespaces cannot be made here: ${String(error)}`;
  }
}

/** Removes the remains of a killed run. */
export function removeLeftNamespaces(): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  try {
    for (const line of ip('netns', 'list').split('\n')) {
      const [name = ''] = line.split(' ');
      if (name.startsWith(NAME) && !existsSync(`/proc/${name.slice(NAME.length)}`))
        ip('netns', 'del', name);
    }
  } catch {
    // without iproute2 there is nothing to remove
  }
}

/**
 * A client's separate network, joined to the host by a virtual cable that can be pulled. The page
 * is served on the client's loopback, and loads with the cable pulled; requests to Airflow go
 * through the cable.
 */
export class ClientNetwork {
  readonly url: string;
  /** Starts the browser inside. */
  readonly executablePath: string;
  readonly #name: string;
  readonly #cable: string;
  readonly #folder: string;
  readonly #forwarder: Server;
  readonly #server: ChildProcess;

  private constructor(parts: {
    url: string;
    name: string;
    cable: string;
    folder: string;
    forwarder: Server;
    server: ChildProcess;
  }) {
    this.url = parts.url;
    this.#name = parts.name;
    this.#cable = parts.cable;
    this.#folder = parts.folder;
    this.#forwarder = parts.forwarder;
    this.#server = parts.server;
    this.executablePath = join(parts.folder, 'chromium');
  }

  /** `upstream`: the port on the host's loopback at the cable's other end. */
  static async create({
    upstream,
    dir,
    chromium,
  }: {
    upstream: number;
    dir: string;
    chromium: string;
  }): Promise<ClientNetwork> {
    const name = `${NAME}${process.pid}`;
    const cable = `upd${process.pid % 100_000}`;
    // A network per Playwright worker.
    const net = `10.231.${77 + Number(process.env['TEST_PARALLEL_INDEX'] ?? 0) + 20 * lane}`;
    const [here, there] = [`${net}.1`, `${net}.2`];
    ip('netns', 'add', name);
    const inside = (...args: string[]): string => ip('-n', name, ...args);
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('addr', 'add', `${here}/24`, 'dev', cable);
    ip('link', 'set', cable, 'up');
    inside('link', 'set', 'lo', 'up');
    inside('addr', 'add', `${there}/24`, 'dev', 'eth0');
    inside('link', 'set', 'eth0', 'up');
    inside('route', 'add', 'default', 'via', here);
    const forwarder = createServer((socket) => {
      const onward = connect(upstream, '127.0.0.1');
      socket.pipe(onward).pipe(socket);
      socket.on('error', () => onward.destroy());
      onward.on('error', () => socket.destroy());
    });
    const port = await new Promise<number>((resolve) =>
      forwarder.listen(0, here, () => resolve((forwarder.address() as { port: number }).port)),
    );
    const server = spawn(
      'ip',
      ['netns', 'exec', name, process.execPath, serveInside, `http://${here}:${port}/airflow`, dir],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const url = await new Promise<string>((resolve, reject) => {
      createInterface(server.stdout).once('line', resolve);
      server.once('exit', (code) =>
        reject(new Error(`The server inside the namespace ended with ${code}.`)),
      );
    });
    const folder = await mkdtemp(join(tmpdir(), 'updraft-e2e-'));
    const network = new ClientNetwork({ url, name, cable, folder, forwarder, server });
    await writeFile(
      network.executablePath,
      `#!/bin/sh\nexec ip netns exec ${name} ${chromium} "$@"\n`,
    );
    await chmod(network.executablePath, 0o755);
    return network;
  }

  cut = (): void => void ip('link', 'set', this.#cable, 'down');
  mend = (): void => void ip('link', 'set', this.#cable, 'up');

  async dispose(): Promise<void> {
    this.#server.stdin?.end(); // the server ends with the input
    this.#forwarder.close();
    ip('netns', 'del', this.#name); // removes the cable too
    await rm(this.#folder, { recursive: true, force: true });
  }
}
