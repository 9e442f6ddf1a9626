// What `import … from "varve"` gives: the API that the command line itself is written with.
export * from "@varve/core";
