/** Configuration of the sessions: when a visit ends and how many are kept. */
import { z } from "zod";
import { duration } from "../../message/schema.ts";

/** What a page loads besides: requests for these are no pages. */
export const ASSETS = (
  "avif bmp css cur eot gif ico jpeg jpg js json less map mjs mp3 mp4 m4s m3u8 ogg otf png svg svgz tif tiff ts ttf txt wasm wav " +
  "webm webmanifest webp woff woff2 xml"
).split(" ");

export const sessionsConfig = z.strictObject({
  idle: duration().prefault("30m").describe("a visit is over this long after its last request"),
  online: duration().prefault("5m").describe("a visitor counts as online this long after a request"),
  maxVisits: z
    .int()
    .min(16)
    .max(4_000_000)
    .default(100_000)
    .describe("visits open at once; beyond, the one without a request for longest is ended early"),
  maxClicks: z
    .int()
    .min(128)
    .max(100_000_000)
    .default(1_000_000)
    .describe("clicks kept of all open visits together, 17 bytes each; of each visit at least the latest 4"),
  maxEnded: z
    .int()
    .min(16)
    .max(4_000_000)
    .default(100_000)
    .describe("ended visits that lengths, entry and exit pages are told from; the latest are kept"),
  assets: z
    .array(z.string().regex(/^[^./]{1,16}$/, 'write it without the dot: "png"'))
    .default(ASSETS)
    .describe("extensions of what is no page: images, styles, scripts and the like"),
});

export type SessionsConfig = z.output<typeof sessionsConfig>;
