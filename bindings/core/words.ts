/** Says that a part of an app asks for data outside the place that was given a client. */
export const noConnection = (remedy: string): Error =>
  new Error(`There is no Updraft client here, because none was given further up. ${remedy}`);
