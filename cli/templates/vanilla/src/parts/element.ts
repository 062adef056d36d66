import { errorWords } from '../words.ts';

type Child = Node | string;

/** Makes an element with attributes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A button whose failure is told beside it. */
export function button(text: string, work: () => unknown): HTMLElement {
  const [made, problem] = [element('button', { type: 'button' }, text), element('span')];
  made.addEventListener('click', () => void attempt(work, problem));
  return element('span', {}, made, problem);
}

/** Runs what a person asked for; shows the words of its failure. */
export async function attempt(work: () => unknown, problem: HTMLElement): Promise<boolean> {
  try {
    await work();
    problem.replaceChildren();
    return true;
  } catch (error) {
    problem.replaceChildren(element('span', { role: 'alert' }, errorWords(error)));
    return false;
  }
}
