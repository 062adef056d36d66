import { createCacheMirror } from './cache-mirror.ts';
import { databaseNames, inspect } from '../store/inspect.ts';
import { deleteIfIdle } from '../store/delete-if-idle.ts';
import { parseMirror, type MirrorContent } from './mirror.ts';
import { nameOf, oldNameOf, userOf, userOfOld } from '../store/names.ts';

/** The storages of replicas and mirrors. */
export interface Places {
  readonly indexedDB: IDBFactory;
  readonly caches: CacheStorage;
}

/**
 * The owner of a replica. Without `app`, the replica was made before apps had names and belongs to
 * no app yet.
 */
interface Owner {
  readonly user: string;
  readonly app?: string | undefined;
}

/**
 * The storage name of a user's replica. A replica made before apps had names keeps its old name, so
 * that nothing is copied. Nobody can tell which app made such a replica: the app that first opens
 * the replica becomes the owner, named from then on in row and mirror. Call this, and open the
 * named replica, under `takeOverLock`.
 */
export async function nameFor(app: string, user: string, places: Places): Promise<string> {
  const own = nameOf(app, user);
  const owner = await ownerOfOld(user, places);
  if (!owner || (owner.app !== undefined && owner.app !== app)) return own;
  if (owner.app === app || !(await isThere(own, places))) return oldNameOf(user);
  // An earlier version was deployed again and has captured: the replica with work left takes
  // precedence.
  const mayMakeWay =
    (await inspect(own, places.indexedDB))?.kind === 'replica' &&
    !hasWork(await mirrorOf(own, places.caches));
  if (!mayMakeWay || !(await deleteIfIdle(own, places.indexedDB))) return own;
  await places.caches.delete(own);
  return oldNameOf(user);
}

/** Whether a replica holds work that Airflow does not have, dead calls and damaged rows too. */
const hasWork = (mirrored: MirrorContent | undefined): boolean =>
  mirrored !== undefined &&
  mirrored.unsent + mirrored.calls + mirrored.queued.length + mirrored.damaged.count > 0;

export const takeOverLock = (user: string): string => `updraft@take-over ${user}`;

/** Whether the user's old name is in use. */
export const hasOld = (user: string, places: Places): Promise<boolean> =>
  isThere(oldNameOf(user), places);

/**
 * The users with a replica of this app, with the mirror of a lost replica, or with an old replica
 * that this app would own.
 */
export async function usersOf(app: string, places: Places): Promise<string[]> {
  const names = await namesIn(places);
  const users = names.flatMap((name) => userOf(app, name) ?? []);
  const old = new Set(names.flatMap((name) => userOfOld(name) ?? []));
  for (const user of old) {
    // A database that cannot be inspected now may be this app's: opening the database fails too,
    // and the event that asks is tried again.
    const owner: Owner | undefined = await ownerOfOld(user, places).catch(() => ({ user }));
    if (owner && (owner.app ?? app) === app) users.push(user);
  }
  return [...new Set(users)];
}

/** Whether this app has a mirror of the user's replica. */
export async function hasMirror(app: string, user: string, { caches }: Places): Promise<boolean> {
  if (await caches.has(nameOf(app, user))) return true;
  const owner = await mirroredOwner(user, caches);
  return owner !== undefined && (owner.app ?? app) === app;
}

/**
 * The owner named by the old database, or by its mirror if the database is lost. A database of that
 * name that is not Updraft's is left alone.
 */
async function ownerOfOld(user: string, { indexedDB, caches }: Places): Promise<Owner | undefined> {
  const found = await inspect(oldNameOf(user), indexedDB);
  if (found?.kind === 'foreign') return undefined;
  const owner = found?.kind === 'replica' ? found : await mirroredOwner(user, caches);
  return owner?.user === user ? owner : undefined;
}

/** The owner named by the old mirror. */
async function mirroredOwner(user: string, caches: CacheStorage): Promise<Owner | undefined> {
  const owner = (await mirrorOf(oldNameOf(user), caches))?.replica;
  return owner?.user === user ? owner : undefined;
}

async function mirrorOf(name: string, caches: CacheStorage): Promise<MirrorContent | undefined> {
  const mirror = createCacheMirror(caches, name, { sleep: async () => undefined });
  return parseMirror(await mirror.read().catch(() => undefined));
}

async function isThere(name: string, places: Places): Promise<boolean> {
  return (await namesIn(places)).includes(name);
}

const namesIn = async (places: Places): Promise<string[]> =>
  (await Promise.all([databaseNames(places.indexedDB), mirrorNames(places)])).flat();
const mirrorNames = ({ caches }: Places): Promise<string[]> => caches.keys().catch(() => []);
