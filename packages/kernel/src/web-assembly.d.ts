/** What is used of WebAssembly; the compiler's own declarations come only with those of a browser. */
declare namespace WebAssembly {
	class Memory {
		constructor(limits: { initial: number });
		readonly buffer: ArrayBuffer;
	}
	class Module {
		constructor(code: Uint8Array);
	}
	class Instance {
		constructor(module: Module, imports: { env: { memory: Memory } });
		readonly exports: object;
	}
}
