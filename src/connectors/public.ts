/**
 * What `import … from 'sluice'` gives to connectors that are not part of Sluice: the contract, the vocabulary it is
 * written in, and the classes of failures.
 */
export { z } from 'zod';
export { contractVersion, defineConnector } from './contract/connector.ts';
export type {
  ConnectContext,
  Connection,
  Connector,
  DestinationRole,
  EndSpec,
  SourceRole,
} from './contract/connector.ts';
export type { Answered, CallOptions, Calls, Send, Wire } from './contract/calls.ts';
export type { Destination } from './contract/destination.ts';
export { jobLost } from './contract/job.ts';
export type { JobProgress, JobReference, LongJob } from './contract/job.ts';
export type { JobDestination, SourceJob } from './contract/jobs.ts';
export type { Memory, Remembered } from './contract/memory.ts';
export type { CopyText, Cursor, Page, PageEnd, PageRequest } from './contract/page.ts';
export type {
  Existing,
  KeyedDestination,
  RecordDestination,
  WriteOperation,
  WriteResult,
} from './contract/records.ts';
export type { LookupRequest, Settled, Source, SourceRequest } from './contract/source.ts';
export type {
  ChunkRef,
  ChunkResult,
  StagedColumn,
  StagedFault,
  StagedLayout,
  StagedRow,
  StagingDestination,
} from './contract/staging.ts';
export type { DestinationBase, RemovalPlan, Target } from './contract/target.ts';
export { ConfigError, LimitedError, RejectedError, TransientError } from '../model/failure.ts';
export type { FailureOptions } from '../model/failure.ts';
export type { Field, FieldType } from '../model/field.ts';
export type { Json, JsonObject } from '../model/json.ts';
export { allModes } from '../model/mode.ts';
export type { Mode, ModeSupport, Permissions } from '../model/mode.ts';
export { nearestOf } from '../model/nearest.ts';
export type { Operation } from '../model/outcome.ts';
export type {
  Bucket,
  LimitInfo,
  LongWindow,
  LongWindowInfo,
  Quota,
  Reset,
} from '../model/quota.ts';
export type { Encoding, KeyValues, RecordBatch, Value } from '../model/record.ts';
export type { RemovalKind } from '../model/removal.ts';
export type { StreamInfo } from '../model/stream.ts';
