/** The two globals this package takes from its platform: every JavaScript engine has them, no type library without Node or DOM does. */
declare class TextEncoder {
	encode(text: string): Uint8Array<ArrayBuffer>;
	encodeInto(
		text: string,
		target: Uint8Array,
	): { read: number; written: number };
}

declare class TextDecoder {
	constructor(
		encoding: "utf-8",
		options?: { fatal?: boolean; ignoreBOM?: boolean },
	);
	decode(bytes: Uint8Array): string;
}
