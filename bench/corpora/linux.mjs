// `linux-6.1` and `linux-6.12`: the kernel's sources as Debian packs them, through the ordinary package client.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/** Why the sources cannot be had here, or undefined. */
export function whyNoLinux() {
	for (const program of ["apt-get", "dpkg-deb", "tar", "xz"]) {
		const probe = spawnSync(program, ["--version"]);
		if (probe.error) return `needs ${program} (Debian or Ubuntu)`;
	}
	return undefined;
}

const run = (program, args, cwd) =>
	execFileSync(program, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });

/** Downloads and unpacks Debian's linux-source-`version` into `root`; returns the package's version. */
export function makeLinux(root, version) {
	const stage = mkdtempSync(join(dirname(root), "linux-source-"));
	try {
		run("apt-get", ["download", `linux-source-${version}`], stage);
		const [archive] = readdirSync(stage);
		run("dpkg-deb", ["-x", archive, "unpacked"], stage);
		const tarball = join("unpacked/usr/src", `linux-source-${version}.tar.xz`);
		const tar = ["-xJf", tarball, "--strip-components=1", "-C", root];
		run("tar", tar, stage);
		const packed = run("dpkg-deb", ["-f", archive, "Version"], stage);
		return { package: packed.toString().trim() };
	} finally {
		rmSync(stage, { recursive: true, force: true });
	}
}
