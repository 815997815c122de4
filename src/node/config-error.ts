import { LogspreadError } from "../message/error.ts";

/** One thing that is wrong in a configuration. */
export interface Fault {
  /** Where it stands; undefined for what no file says. Line and column count from 1. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The key: ["outputs", "site", "files", "path"]. */
  readonly path?: readonly string[];
  readonly message: string;
  readonly fix?: string;
}

/** BAD_CONFIG with all that is wrong, so that it can be mended in one go. */
export class ConfigError extends LogspreadError {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super("BAD_CONFIG", {
      what: "the configuration cannot be used",
      why: faults.length === 1 ? textOfFault(faults[0]!) : faults.map((f) => `\n  ${textOfFault(f)}`).join(""),
      fix: faults.length === 1 ? "" : "\nMend all of these",
    });
    this.name = "ConfigError";
    // "what: why. fix" would set a full stop behind the mends that the faults bring along.
    this.message = `${this.what}: ${this.why}`;
    this.faults = faults;
  }
}

/** "logspread.yaml:3:5: outputs.site.files.pth: there is no such setting. Did you mean path?" */
export function textOfFault({ file, line, column, path, message, fix }: Fault): string {
  const place = file === undefined ? "" : [file, line, column].filter((part) => part !== undefined).join(":");
  const key = path === undefined || path.length === 0 ? "" : path.join(".");
  return [place, key, fix === undefined ? message : `${message}. ${fix}`].filter((part) => part !== "").join(": ");
}
