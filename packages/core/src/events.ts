/** What a verb tells while it works. A verb that fails ends with "error", any other with "stop". */
export type VerbName =
	| "init"
	| "snapshot"
	| "restore"
	| "verify"
	| "index"
	| "forget"
	| "gc"
	| "repair"
	| "copy";

export interface Step {
	readonly phase: string;
	readonly files: number;
	readonly bytes: number;
	/** Known totals; undefined while they are not. */
	readonly totalFiles: number | undefined;
	readonly totalBytes: number | undefined;
	/** 0 to 1, where it is known. */
	readonly fraction: number | undefined;
	/** A path being worked on, as a name text. */
	readonly current: string | undefined;
	readonly errors: number;
}

export type VerbEvent =
	| {
			readonly type: "start";
			readonly verb: VerbName;
			readonly subject: string;
	  }
	| { readonly type: "step"; readonly verb: VerbName; readonly step: Step }
	| { readonly type: "stop"; readonly verb: VerbName }
	| { readonly type: "error"; readonly verb: VerbName; readonly error: unknown }
	/** One entry that could not be read, restored or proved. The verb goes on. */
	| {
			readonly type: "entry-error";
			readonly verb: VerbName;
			readonly path: string;
			readonly reason: string;
			readonly message: string;
	  }
	/** One entry dealt with, for `-vv`: what became of it. Only sent while `detail` is on. */
	| {
			readonly type: "entry";
			readonly verb: VerbName;
			readonly path: string;
			readonly action:
				| "new"
				| "changed"
				| "unmodified"
				| "restored"
				| "excluded";
			readonly bytes: number;
	  }
	/** Something a user should know; nothing failed. */
	| { readonly type: "warning"; readonly message: string }
	/** Each step taken, for logs. */
	| { readonly type: "trace"; readonly message: string };

export interface Observer {
	readonly on: (event: VerbEvent) => void;
	/** Ask for "entry" events, which cost time. */
	readonly detail: boolean;
}
