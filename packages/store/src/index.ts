export * from "./backend.ts";
export * from "./chunk-lookup.ts";
export * from "./repository-index.ts";
