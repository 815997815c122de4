/** The dashboard at `/`: the files that the build made, from memory, with headers that let nothing else in. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyReply, FastifyRequest } from "fastify";

/** Where the build puts the page: the same folder seen from src/node/api and from dist/node/api. */
const BUILT = fileURLToPath(new URL("../../../dist/dashboard/", import.meta.url));

/**
 * Only what this node serves, and nothing inline: a log line that got into the page as markup could still not run, load
 * or send anything. Trusted Types forbid the sinks that turn text into markup altogether.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const SECURITY_HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};

/** Content codings in the order of preference, with the ending that the build gave them. */
const CODINGS = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;

interface File {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly coded: ReadonlyMap<string, Buffer>;
}

export interface Dashboard {
  /** Whether the client asks for a page rather than for text. */
  wanted(request: FastifyRequest): boolean;
  /** Answers with the page. */
  page(request: FastifyRequest, reply: FastifyReply): FastifyReply;
  /** Answers with a file that the page asks for; undefined if there is none of that name. */
  asset(name: string, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined;
}

/** Reads the built page into memory; undefined where it was not built, as when the program runs from its sources. */
export function openDashboard(folder: string = BUILT): Dashboard | undefined {
  if (!existsSync(join(folder, "index.html"))) return undefined;
  const index = readBuilt(folder, "index.html");
  const assets = new Map(
    readdirSync(join(folder, "assets"))
      .filter((name) => !CODINGS.some(([, ending]) => name.endsWith(ending)))
      .map((name) => [name, readBuilt(join(folder, "assets"), name)]),
  );
  return {
    wanted: (request) => (request.headers.accept ?? "").includes("text/html"),
    page: (request, reply) => answer(index, "no-cache", request, reply.header("vary", "accept, accept-encoding")),
    asset(name, request, reply) {
      const file = assets.get(name);
      if (file === undefined) return undefined;
      // Their names hold a hash of what is in them.
      return answer(file, "public, max-age=31536000, immutable", request, reply.header("vary", "accept-encoding"));
    },
  };
}

function readBuilt(folder: string, name: string): File {
  const plain = readFileSync(join(folder, name));
  const coded = new Map<string, Buffer>();
  for (const [coding, ending] of CODINGS) {
    const path = join(folder, name + ending);
    if (existsSync(path)) coded.set(coding, readFileSync(path));
  }
  const type = CONTENT_TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  return { type, etag: createHash("sha256").update(plain).digest("base64url").slice(0, 22), plain, coded };
}

function answer(file: File, caching: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const coding = CODINGS.find(
    ([name]) => file.coded.has(name) && accepts(request.headers["accept-encoding"], name),
  )?.[0];
  // A tag names bytes, and each coding has its own.
  const etag = `"${file.etag}${coding === undefined ? "" : `-${coding}`}"`;
  reply.headers({ ...SECURITY_HEADERS, "cache-control": caching, etag });
  if (matches(request.headers["if-none-match"], etag)) return reply.code(304).send();
  if (coding !== undefined) reply.header("content-encoding", coding);
  return reply.type(file.type).send(coding === undefined ? file.plain : file.coded.get(coding));
}

function accepts(header: string | string[] | undefined, coding: string): boolean {
  for (const part of String(header ?? "").split(",")) {
    const [name, ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    if (name === coding) return !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  }
  return false;
}

function matches(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
