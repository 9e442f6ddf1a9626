/**
 * The folder for caches of all repositories, by the environment and `process.platform`; undefined if nothing tells where the user's
 * home is. The pure part: nothing is made.
 */
export function defaultCacheFolder(
	env: Readonly<Record<string, string | undefined>>,
	platform: string,
): string | undefined {
	const own = env["VARVE_CACHE_DIR"];
	if (own) return own;
	if (platform === "win32") {
		const local = env["LOCALAPPDATA"];
		return local ? `${local}\\varve\\cache` : undefined;
	}
	const home = env["HOME"];
	if (platform === "darwin")
		return home ? `${home}/Library/Caches/varve` : undefined;
	const xdg = env["XDG_CACHE_HOME"];
	// The specification says that a relative path is to be ignored.
	if (xdg?.startsWith("/")) return `${xdg}/varve`;
	return home ? `${home}/.cache/varve` : undefined;
}
