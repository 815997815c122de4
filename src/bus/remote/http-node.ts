/**
 * One node, spoken to over HTTP: `http://host:4804`, `https://...`, or `unix:/run/logspread.sock`.
 *
 * `import ... from "node:http"` would load undici as well, 9 MB resident that a publisher beside each web server has no use
 * for; `getBuiltinModule` does not.
 */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { LogspreadError, reasonOf, systemCodeOf } from "../../message/error.ts";

/** A request that waits so long for any byte to move is given up, ms. */
const INACTIVITY_MS = 15_000;
/** Most that is read of an answer that is no stream. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface Request {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Buffer[];
}

export interface Answer {
  readonly status: number;
  /** Retry-After, ms, if the node named one. */
  readonly retryAfterMs: number | undefined;
  readonly body: Buffer;
}

export class HttpNode {
  /** As it was written, without a password: for messages. */
  readonly name: string;
  #options: RequestOptions;
  #basePath: string;
  #secure: boolean;
  #agent: Agent | undefined;
  #inactivityMs: number;

  /** Throws BAD_ARGUMENT if `url` is none of a node. */
  constructor(url: string, inactivityMs: number = INACTIVITY_MS) {
    const target = parseTarget(url);
    this.name = target.name;
    this.#options = target.options;
    this.#basePath = target.basePath;
    this.#secure = target.secure;
    this.#inactivityMs = inactivityMs;
  }

  /** Resolves with whatever the node answers, and when the request's buffers are no longer in use. Rejects if it cannot be reached, breaks off or falls silent. */
  async ask(request: Request, signal: AbortSignal): Promise<Answer> {
    for (;;) {
      const sent = this.#send(request, this.#inactivityMs, signal);
      try {
        const response = await sent.response;
        const body = await bodyOf(response);
        // A node may answer before it has read all: until it has, the caller's buffers are in use.
        await sent.sent;
        return {
          status: response.statusCode!,
          retryAfterMs: retryAfterOf(response.headers["retry-after"]),
          body,
        };
      } catch (thrown) {
        // A kept connection that the node had closed in the meantime: nothing is wrong, and every request may be repeated.
        if (sent.reused() && !signal.aborted && systemCodeOf(thrown) === "ECONNRESET") continue;
        throw thrown;
      }
    }
  }

  /** Resolves with the answer's head as soon as it is there; the caller reads or destroys it. */
  async open(request: Request, silenceMs: number, signal: AbortSignal): Promise<IncomingMessage> {
    return await this.#send(request, silenceMs, signal).response;
  }

  #send(
    { method, path, headers, body }: Request,
    silenceMs: number,
    signal: AbortSignal,
  ): { response: Promise<IncomingMessage>; sent: Promise<void>; reused: () => boolean } {
    signal.throwIfAborted();
    const http = process.getBuiltinModule(this.#secure ? "node:https" : "node:http");
    this.#agent ??= new http.Agent({ keepAlive: true, scheduling: "lifo" });
    const request: ClientRequest = http.request({
      ...this.#options,
      agent: this.#agent,
      method,
      path: this.#basePath + path,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { "content-length": body.reduce((sum, part) => sum + part.length, 0) }),
      },
    });
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      const abort = () => request.destroy(reasonToError(signal.reason));
      signal.addEventListener("abort", abort, { once: true });
      request.setTimeout(silenceMs, () => request.destroy(silenceError(silenceMs)));
      request.on("response", resolve);
      request.on("error", reject);
      request.on("close", () => signal.removeEventListener("abort", abort));
    });
    const sent = new Promise<void>((resolve) => {
      request.once("finish", resolve);
      request.once("close", resolve);
    });
    for (const part of body ?? []) request.write(part);
    request.end();
    return { response, sent, reused: () => request.reusedSocket };
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#agent?.destroy();
  }
}

function silenceError(ms: number): Error {
  return new Error(`no answer for ${ms / 1000} s`);
}

function reasonToError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      parts.push(part);
      bytes += part.length;
      if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
  } catch (thrown) {
    // A node that refuses a body may close before it has read it all: what it said of it counts.
    if (response.statusCode! < 400) throw thrown;
  }
  return Buffer.concat(parts, bytes);
}

/** Seconds, or a date, in the header's two forms. */
function retryAfterOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

interface Target {
  readonly name: string;
  readonly secure: boolean;
  readonly basePath: string;
  readonly options: RequestOptions;
}

function parseTarget(text: string): Target {
  const socketPath = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (socketPath !== undefined) return { name: text, secure: false, basePath: "", options: { socketPath } };
  try {
    const url = new URL(text);
    if (url.protocol !== "http:" && url.protocol !== "https:")
      throw new Error(`${url.protocol} is no protocol of a node`);
    return {
      name: url.origin + url.pathname.replace(/\/$/, ""),
      secure: url.protocol === "https:",
      basePath: url.pathname.replace(/\/$/, ""),
      options: {
        hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: url.port || (url.protocol === "https:" ? 443 : 80),
        ...(url.username === ""
          ? {}
          : { auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}` }),
      },
    };
  } catch (cause) {
    throw new LogspreadError(
      "BAD_ARGUMENT",
      {
        what: `${JSON.stringify(text)} is not the address of a node`,
        why: reasonOf(cause),
        fix: "Write http://HOST:4804, https://HOST or unix:/PATH",
      },
      { cause },
    );
  }
}
