import type { Server } from "@varve/kernel";

export function testServer(settings: {
	readonly gate?: Int32Array;
}): Server<object, unknown>;
