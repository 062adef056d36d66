// The functions of scripts/ that the tests use; scripts/ is JavaScript with types in comments.
declare module '*/scripts/types.mjs' {
  export function typesOf(json: string, file?: string): Promise<string>;
}
