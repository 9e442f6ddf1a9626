import { afterEach, beforeEach, describe } from "vitest";
import type { BackendUnderTest } from "./backend-subject.ts";
import { describeFencing, describeRemoval } from "./backend-suite-fencing.ts";
import { describeBlockingReads, describeReads } from "./backend-suite-reads.ts";
import { describeSpools, describeWrites } from "./backend-suite-writes.ts";

/** Every promise of backend.ts, for one implementation. */
export function describeBackend(
	title: string,
	make: () => Promise<BackendUnderTest>,
): void {
	describe(`backend ${title}`, () => {
		let it: BackendUnderTest;
		beforeEach(async () => {
			it = await make();
		});
		afterEach(async () => {
			await it.backend.close();
			await it.other.close();
			await it.dispose();
		});
		const subject = () => it;
		describeReads(subject);
		describeBlockingReads(subject);
		describeWrites(subject);
		describeSpools(subject);
		describeFencing(subject);
		describeRemoval(subject);
	});
}
