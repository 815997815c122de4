/** Where the API listens: TCP addresses and unix sockets, one HTTP server each. */
import { chmod, lstat, unlink } from "node:fs/promises";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { LogspreadError, reasonOf, systemCodeOf } from "../../message/error.ts";
import type { Address } from "../address.ts";
import { badRequest, problemOf } from "./problem.ts";

export interface ListenLimits {
  /** Connections at once, of each address; more are closed at once. */
  readonly connections: number;
}

export interface Listening {
  /** "http://127.0.0.1:4804" or "unix:/run/logspread.sock", with the real port. */
  readonly url: string;
  /** Stops accepting; connections without a request end. */
  stop(): void;
  /** Ends every connection and resolves when all is closed. */
  close(): Promise<void>;
}

/** A client has so long to send its headers. */
const HEADERS_TIMEOUT_MS = 30_000;
/** Longer than what proxies and publishers keep a connection idle, so that it is they who close it. */
const KEEP_ALIVE_MS = 75_000;

/** Opens a server at `address`. Rejects with BAD_CONFIG if that cannot be. */
export async function listen(
  address: Address,
  handler: (request: http.IncomingMessage, response: http.ServerResponse) => void,
  limits: ListenLimits,
): Promise<Listening> {
  const server = http.createServer(
    {
      noDelay: true,
      keepAlive: true,
      // A body may take as long as it likes as long as it moves: see limits.bodyIdle.
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      highWaterMark: 64 * 1024,
    },
    handler,
  );
  server.maxConnections = limits.connections;
  server.on("clientError", answerClientError);
  if (address.kind === "unix") await removeStale(address.path);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(
        address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port },
        resolve,
      );
    });
  } catch (cause) {
    throw cannotListen(address, cause);
  }
  if (address.kind === "unix") await chmod(address.path, 0o660);
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  return {
    url: urlOf(address, server.address()),
    stop() {
      server.close();
      server.closeIdleConnections();
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function urlOf(address: Address, bound: AddressInfo | string | null): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return `http://${net.isIPv6(address.host) ? `[${address.host}]` : address.host}:${port}`;
}

/** Removes a socket that nobody listens at any more; one that is in use, or is no socket, stays. */
async function removeStale(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isSocket()) return;
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return;
    throw error;
  }
  const alive = await new Promise<boolean>((resolve) => {
    const probe = net.connect(path);
    probe.once("connect", () => resolve(true)).once("error", () => resolve(false));
    probe.once("connect", () => probe.destroy());
  });
  if (!alive) await unlink(path);
}

function cannotListen(address: Address, cause: unknown): LogspreadError {
  const where = address.kind === "unix" ? address.path : `${address.host}:${address.port}`;
  const inUse = systemCodeOf(cause) === "EADDRINUSE";
  return new LogspreadError(
    "BAD_CONFIG",
    {
      what: `cannot listen at ${where}`,
      why: inUse ? "another program listens there, perhaps another node" : reasonOf(cause),
      fix: "Choose another address for `listen`, or stop the other program",
    },
    { cause },
  );
}

/** What is not even HTTP: answered with a problem as well as may be, then closed. */
function answerClientError(error: Error & { code?: string }, socket: import("node:stream").Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  const refusal = badRequest("the request cannot be read", error.message, "Speak HTTP/1.1, with headers below 16 KiB", {
    status,
  });
  const { headers, body } = problemOf(refusal);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
}
