/** What this device remembers between visits: who works on it, and small choices. Never a password or token. */
const KEY = 'demo.';

export const recall = (name: 'user' | 'mode' | 'guide'): string | undefined => localStorage.getItem(KEY + name) ?? undefined;

export const remember = (name: 'user' | 'mode' | 'guide', value: string): void => localStorage.setItem(KEY + name, value);
