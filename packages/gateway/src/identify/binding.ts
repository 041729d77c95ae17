import { isJsonObject, isThumbprint } from '@pop-api/protocol'

/** What a token is bound to; of several, each must be shown. */
export interface Binding {
  /** RFC 7638 thumbprint of the key whose proofs come with it (RFC 9449 section 6). */
  readonly key?: string
  /** SHA-256 thumbprint of the client certificate of its connections (RFC 8705 section 3.1). */
  readonly certificate?: string
}

/** Keycloak's own member beside `jkt`: by what the key is shown. Other kinds than a DPoP proof exist, and none can be shown here. */
const keyKind = 'kc-jkt-type'

/**
 * Reads the claim `cnf` of a verified token (RFC 7800). Undefined for one that is empty, or has a member that we cannot have shown:
 * whoever bound the token meant that it is of no use without.
 */
export function readBinding(cnf: unknown): Binding | undefined {
  if (!isJsonObject(cnf)) return undefined
  const { jkt: key, 'x5t#S256': certificate, [keyKind]: kind, ...others } = cnf
  if (kind !== undefined && (kind !== 'DPoP' || key === undefined)) return undefined
  if (Object.keys(others).length > 0 || (key === undefined && certificate === undefined)) return undefined
  if (key !== undefined && !isThumbprint(key)) return undefined
  if (certificate !== undefined && !isThumbprint(certificate)) return undefined
  return { ...(key === undefined ? {} : { key }), ...(certificate === undefined ? {} : { certificate }) }
}
