/**
 * Names of everything that an app keeps on its origin. Each begins with the app's name: the
 * worker's scope, as path and query on the origin. Scopes contain no space, so no two pairs of app
 * and user share a name, whichever name a user has. No new name begins like the names given before
 * apps had names.
 */
const PREFIX = 'updraft@';
/** The prefix from before apps had names, shared by all apps of an origin. */
const OLD_PREFIX = 'updraft:';
export const OLD_QUEUE = 'updraft';

export const appOf = (scope: string): string => {
  const { pathname, search } = new URL(scope);
  return pathname + search;
};

/** The name of a thing that an app has for all its users. */
export const appName = (app: string): string => PREFIX + app;

/** The name of a user's database and mirror. */
export const nameOf = (app: string, user: string): string => `${PREFIX}${app} ${user}`;
export const userOf = (app: string, name: string): string | undefined =>
  after(nameOf(app, ''), name);

export const oldNameOf = (user: string): string => OLD_PREFIX + user;
export const userOfOld = (name: string): string | undefined => after(OLD_PREFIX, name);

const after = (prefix: string, name: string): string | undefined =>
  name.startsWith(prefix) ? name.slice(prefix.length) : undefined;

/**
 * Returns the prefix of a replica's Web Locks. A replica under its old name keeps its old locks: an
 * earlier worker of the same app may still be running.
 */
export const lockPrefix = (name: string, user: string): string =>
  name === oldNameOf(user) ? OLD_PREFIX : `${name}:`;
