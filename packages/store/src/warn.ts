/** Something that was survived and that its user should know of. */
export interface Warning {
	/** Upper case, stable across versions. */
	readonly code: string;
	/** One sentence. */
	readonly message: string;
	readonly cause?: unknown;
}

export type Warn = (warning: Warning) => void;
