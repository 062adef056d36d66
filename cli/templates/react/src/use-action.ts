import { useState } from 'react';
import { errorWords } from './words.ts';

/** Runs what a person asked for, and keeps the words of its failure to be shown. */
export function useAction(): readonly [string, (work: () => Promise<unknown>) => Promise<boolean>] {
  const [problem, setProblem] = useState('');
  return [
    problem,
    async (work) => {
      try {
        await work();
        setProblem('');
        return true;
      } catch (error) {
        setProblem(errorWords(error));
        return false;
      }
    },
  ];
}
