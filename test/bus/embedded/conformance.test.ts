import { busConformance } from "../../conformance/bus.ts";
import { openEmbedded } from "./open.ts";

busConformance("embedded", (t) => openEmbedded(t));
busConformance("embedded, tiny segments and no memory of recent batches", (t) =>
  openEmbedded(t, { segmentBytes: 1000, recentBytes: 0 }),
);
