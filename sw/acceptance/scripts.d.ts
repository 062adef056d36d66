declare module '*/scripts/lib/openapi.mjs' {
  export const trimOpenApi: (document: object) => object;
}
