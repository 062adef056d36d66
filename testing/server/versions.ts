import { isSpoken, PROTOCOL_FLOOR, PROTOCOL_VERSION } from '../../shared/protocol-version.ts';
import { InvalidRequest, problem, type AnyMutation } from './mutation.ts';

/** The version of the protocol that a request names; undefined: it is not spoken. */
export const spoken = ({ protocol }: Readonly<Record<string, unknown>>): number | undefined =>
  Number.isInteger(protocol) && isSpoken(protocol as number) ? (protocol as number) : undefined;

/** Refuses what the request's version of the protocol does not know, each mutation alone. */
export const knownTo = (
  protocol: number,
  mutations: readonly AnyMutation[],
): readonly AnyMutation[] =>
  protocol >= ELEMENTS_SINCE
    ? mutations
    : mutations.map((mutation) =>
        'problem' in mutation || Object.keys(mutation.elements).length === 0
          ? mutation
          : {
              collection: mutation.collection,
              id: mutation.id,
              problem: problem('malformed', `unknown keys elements in protocol ${protocol}`),
            },
      );
/** The first version of the protocol with `elements`. */
const ELEMENTS_SINCE = 2;

/** Returns the version that a request names. Throws InvalidRequest for one that is not spoken. */
export function readProtocol(body: Readonly<Record<string, unknown>>): number {
  const protocol = spoken(body);
  if (protocol !== undefined) return protocol;
  const message = `this server speaks the protocols ${PROTOCOL_FLOOR} to ${PROTOCOL_VERSION}`;
  throw new InvalidRequest('protocol', message, '/protocol');
}
