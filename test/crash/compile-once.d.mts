export function compileOnce(): void;
