import { jsonBytes, utf8Bytes, whyNotHeld, type Doc } from '../../shared/json.ts';
import { FIELD_NAME_BYTES_MAX, RECORD_BYTES_MAX } from '../../shared/limits.ts';

/** A reason why a document is no record: the kind of an error, and words. */
export interface Unfit {
  readonly kind: 'not-json' | 'too-large';
  readonly message: string;
}

/**
 * Returns the reason why no store would take the document as a record, or `undefined`: a captured
 * record must fit into a single batch.
 */
export function whyUnfit(doc: Doc): Unfit | undefined {
  // Values written under older rules stay editable: an edit's own values are judged at capture.
  const reason = whyNotHeld(doc);
  if (reason) return { kind: 'not-json', message: `The record cannot be stored: ${reason}.` };
  const long = Object.keys(doc).find((field) => utf8Bytes(field) > FIELD_NAME_BYTES_MAX);
  if (long !== undefined)
    return {
      kind: 'too-large',
      message:
        `A field's name has ${utf8Bytes(long)} bytes in UTF-8; at most ${FIELD_NAME_BYTES_MAX} ` +
        'are stored.',
    };
  const bytes = jsonBytes(doc);
  if (bytes <= RECORD_BYTES_MAX) return undefined;
  return {
    kind: 'too-large',
    message:
      `The record has ${bytes} bytes as JSON; at most ${RECORD_BYTES_MAX} are stored. Keep ` +
      'large parts outside the record.',
  };
}
