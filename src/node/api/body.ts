/** The body of a publish as it arrives: decoded, bounded in size and in how long it may stall. */
import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import zlib from "node:zlib";
import { reasonOf, systemCodeOf } from "../../message/error.ts";
import { badRequest, tooLarge } from "./problem.ts";

export interface BodyLimits {
  /** Most bytes after decoding, and the name of the setting that says so. */
  readonly maxBytes: number;
  readonly setting: string;
  /** Longest wait for the next bytes, ms. */
  readonly idleMs: number;
}

/** A decoder's output comes in chunks of this size: the default of 16 KiB would cost four times the turns. */
const DECODER_CHUNK = 64 * 1024;

/** The client went away before its request was whole: nobody is left to answer. */
export class ClientGone extends Error {}

export class Body {
  readonly #request: IncomingMessage;
  readonly #source: Readable;
  readonly #encoding: string;
  readonly #limits: BodyLimits;
  #total = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** Throws a Refusal if the request's Content-Encoding is not known or its Content-Length is over the limit. */
  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
    this.#encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
    const announced = request.headers["content-length"];
    if (announced !== undefined && this.#encoding === "identity" && Number(announced) > limits.maxBytes) {
      throw this.#tooLong();
    }
    const decoder = decoderFor(this.#encoding);
    this.#source = decoder === undefined ? request : request.pipe(decoder);
    const wake = () => this.#wake?.();
    const fail = (error: Error) => {
      this.#error ??= error;
      wake();
    };
    request.on("error", fail);
    // A client that goes away in the middle ends a request without "end", and a decoder would wait for ever.
    request.on("close", () => {
      if (!request.complete) fail(new ClientGone("the client closed the connection"));
    });
    if (this.#source !== request) this.#source.on("error", fail);
    this.#source.on("readable", wake);
    this.#source.on("end", () => {
      this.#ended = true;
      wake();
    });
  }

  /**
   * The next bytes; undefined at the end; "late" if `withinMs` is given and none came in that time. Throws a Refusal for
   * what cannot be decoded, is too long or stalls, and ClientGone.
   */
  async next(withinMs = Number.POSITIVE_INFINITY): Promise<Buffer | "late" | undefined> {
    for (;;) {
      if (this.#error !== undefined) throw this.#explain(this.#error);
      const chunk = this.#source.read() as Buffer | null;
      if (chunk !== null) {
        this.#total += chunk.length;
        if (this.#total > this.#limits.maxBytes) throw this.#tooLong();
        return chunk;
      }
      if (this.#ended) return undefined;
      const { idleMs } = this.#limits;
      if (await this.#woken(Math.min(withinMs, idleMs))) continue;
      if (withinMs < idleMs) return "late";
      throw badRequest(
        "the body did not arrive",
        `no byte of it came for ${idleMs / 1000} s`,
        "Send again; a client that has nothing to say for so long should end its request",
        { status: 408 },
      );
    }
  }

  /** Whether all of the request has been read, so that the connection can serve another. */
  get complete(): boolean {
    return this.#request.complete;
  }

  /** Lets go of the decoder; the request itself stays open, so that its client can be answered. */
  close(): void {
    if (this.#source === this.#request) return;
    this.#request.unpipe(this.#source as Transform);
    this.#source.destroy();
  }

  /** True once something happened, false after `ms`. */
  #woken(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), ms);
      const done = (woken: boolean) => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(woken);
      };
      this.#wake = () => done(true);
    });
  }

  #explain(error: Error): Error {
    if (error instanceof ClientGone) return error;
    if (systemCodeOf(error) === "ECONNRESET") return new ClientGone(error.message, { cause: error });
    if (this.#source === this.#request) return error;
    return badRequest(
      "the body cannot be decoded",
      `it is not ${this.#encoding}, as its Content-Encoding says (${reasonOf(error)})`,
      "Compress the whole body, or leave the Content-Encoding header away",
      { cause: error },
    );
  }

  #tooLong(): Error {
    const { maxBytes, setting } = this.#limits;
    const decoded = this.#encoding === "identity" ? "" : ` once its ${this.#encoding} is undone`;
    return tooLarge(
      "the body is too large",
      `it has more than ${maxBytes} bytes${decoded}`,
      `Send it in several requests, or raise ${setting}`,
    );
  }
}

function decoderFor(encoding: string): Transform | undefined {
  switch (encoding) {
    case "identity":
      return undefined;
    case "gzip":
    case "x-gzip":
      return zlib.createGunzip({ chunkSize: DECODER_CHUNK });
    case "zstd":
      return zlib.createZstdDecompress({ chunkSize: DECODER_CHUNK });
    default:
      throw badRequest(
        "the body cannot be decoded",
        `Content-Encoding ${JSON.stringify(encoding)} is not known`,
        "Use gzip, zstd or none",
        { status: 415 },
      );
  }
}
