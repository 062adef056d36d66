/**
 * Key of this device's memory between visits: the user, and small choices. Never a password or
 * token.
 */
const KEY = 'demo.';

export const recall = (name: 'user' | 'mode' | 'guide' | 'loss'): string | undefined =>
  localStorage.getItem(KEY + name) ?? undefined;

export const remember = (name: 'user' | 'mode' | 'guide' | 'loss', value: string): void =>
  localStorage.setItem(KEY + name, value);

/** Removes everything, when somebody signs out for good. */
export const forget = (): void => {
  for (const name of Object.keys(localStorage))
    if (name.startsWith(KEY)) localStorage.removeItem(name);
};
