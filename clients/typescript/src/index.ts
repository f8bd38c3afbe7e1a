export type * from "./api.generated.js";
export { Mainspring, type Options, type UploadOptions } from "./client.js";
export type { Auth } from "./credentials.js";
export { type FieldError, ProblemError, UnreachableError } from "./problem.js";
export { Channel, type ChannelOptions, type DataOf, type Follower, type Position, Realtime, type RealtimeOptions } from "./realtime.js";
export type { AnswerOf, CallOptions, ItemOf, PagedPath, PathOf } from "./routes.js";
export type { Bytes, Progress } from "./upload.js";
