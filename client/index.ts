export type { Drafting, Patch, Receipt, Seen } from './receipt.ts';
export { connect } from './connect.ts';
export type { Updraft } from './create-client.ts';
export type { ConnectOptions } from './connect-options.ts';
export type { AirflowCalls, CallReceipt } from './airflow.ts';
export type { Collection } from './collection.ts';
export type { Indexed, Query } from './query.ts';
export type { RowChanges } from './row-changes.ts';
export type { Watched } from './watches.ts';
export type { EventHandlers, EventName } from './handlers.ts';
export { UpdraftError, type ErrorKind } from '../shared/errors.ts';
export type {
  AttemptOutcome,
  CallAttemptOutcome,
  CircuitStateKind,
  DeliveryStateKind,
  HistoryEntry,
  HistoryFilter,
  WakeReason,
} from '../shared/history.ts';
export { newId } from '../shared/ids.ts';
export type {
  Call,
  CallEntry,
  CallOutcome,
  CallReason,
  CallState,
  NotShown,
  PendingInput,
  PendingInputs,
} from '../shared/calls.ts';
export type { Choice, Conflict, ConflictReason, Resolution } from '../shared/conflict.ts';
export type {
  CallLetter,
  DeadLetter,
  Dropped,
  MutationLetter,
  MutationLetterName,
  OutboxEntry,
  RequestedChange,
  Row,
  Rows,
  RowState,
  Settled,
} from '../shared/row.ts';
export type { QuarantinedRow } from '../shared/quarantine.ts';
export type { AuthState, Status, StorageLoss, WaitingFor, Wake } from '../shared/status.ts';
export type { SignIn } from './signing-in.ts';
