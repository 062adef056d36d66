import { errorWords } from './words.ts';

/** Runs what a person asked for, and keeps the words of its failure to be shown. */
export class Action {
  problem = $state('');

  async run(work: () => unknown): Promise<boolean> {
    try {
      await work();
      this.problem = '';
      return true;
    } catch (error) {
      this.problem = errorWords(error);
      return false;
    }
  }
}
