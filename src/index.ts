/** What programs import: the bus of nodes elsewhere, to publish to and to subscribe; and batches with their encoding. */
export type { Bus, BusStatus, Cursor, GroupStatus, Receipt, Subscription } from "./bus/bus.ts";
export { type RemoteConfig, type RemoteDeps, remote } from "./bus/remote/remote.ts";
export {
  type Batch,
  type BatchHeader,
  type BodyKind,
  type Compression,
  LOSS_REASONS,
  type Loss,
  type LossReason,
  MAX_RAW_BYTES,
  newProducer,
} from "./message/batch.ts";
export { batchOfLines, batchOfMessages, type Label, messagesOf, openBody } from "./message/body.ts";
export {
  type Delivery,
  decodeRecord,
  type From,
  type Gap,
  type Heartbeat,
  type PlacedBatch,
  recordLength,
} from "./message/delivery.ts";
export { ERROR_CODES, type ErrorCode, type Explanation, LogspreadError } from "./message/error.ts";
export { decodeFrame, decodeFrames, frameLength, MAX_FRAME_BYTES } from "./message/frame.ts";
export { groupMatcher, groupNameFault, MAX_NAME_BYTES } from "./message/names.ts";
export type { Report } from "./message/report.ts";
