export { connect, type SignIn, type Updraft } from './connect.ts';
export type { ConnectOptions } from './connect-options.ts';
export type { Collection, Receipt } from './collection.ts';
export type { EventHandlers, EventName } from './handlers.ts';
export { UpdraftError, type ErrorKind } from '../shared/errors.ts';
export { newId } from '../shared/ids.ts';
export type { Choice, Conflict, ConflictReason, Resolution } from '../shared/conflict.ts';
export type { DeadLetter, Dropped, OutboxEntry, Query, Row, RowState, Settled } from '../shared/row.ts';
export type { AuthState, Status, WaitingFor } from '../shared/status.ts';
