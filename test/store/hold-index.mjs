// Opens the index of a repository, says so, and holds it until standard input ends.
import { createHash } from "node:crypto";
import { createToolbox } from "@varve/kernel";
import { openLocalBackend, openRepositoryIndex } from "@varve/store";

const [location, cacheFolder, repositoryId] = process.argv.slice(2);
const { hash64 } = await createToolbox();
const index = await openRepositoryIndex({
	backend: await openLocalBackend(location),
	cacheFolder,
	repositoryId,
	hash64,
	sha256Hex: (bytes) => createHash("sha256").update(bytes).digest("hex"),
	warn: (warning) => console.error(warning),
});
await index.setVerified(["ab".repeat(32)], 7);
process.stdout.write("held\n");
process.stdin.resume().on("end", async () => {
	await index.close();
});
