import { ref, type Ref } from 'vue';
import { errorWords } from './words.ts';

/** Runs what a person asked for, and keeps the words of its failure to be shown. */
export function useAction(): {
  readonly problem: Ref<string>;
  readonly run: (work: () => unknown) => Promise<boolean>;
} {
  const problem = ref('');
  return {
    problem,
    async run(work) {
      try {
        await work();
        problem.value = '';
        return true;
      } catch (error) {
        problem.value = errorWords(error);
        return false;
      }
    },
  };
}
