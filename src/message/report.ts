/** How a part tells its owner what happened; the owner logs it. Wording is for the person who runs the node. */
export type Report = (level: "info" | "warn" | "error", text: string, fields?: Record<string, unknown>) => void;
