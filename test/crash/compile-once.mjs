/** Each repository that is opened compiles the checksum anew, which takes longer than anything else with a small one: from now on the same module will do. */
export function compileOnce() {
	const modules = new Map();
	WebAssembly.instantiate = async (source, imports) => {
		const module = modules.get(source) ?? new WebAssembly.Module(source);
		modules.set(source, module);
		return { module, instance: new WebAssembly.Instance(module, imports) };
	};
}
