import { parseTarget } from '../target/canonical-target.ts'

/** scheme, host, port, path; query and fragment are left out of the comparison (RFC 9449 section 4.3, check 9). */
const uriShape =
  /^https:\/\/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{0,5}))?(\/[^?#]*)?(?:\?[^#]*)?(?:#.*)?$/i

const uriCharactersMax = 8192

/**
 * An https URI in the one spelling of it (RFC 3986, sections 6.2.2 and 6.2.3), without query and fragment: host in lower case, no
 * port 443, the path as a canonical target writes it. Undefined for what is no such URI, has user information, or a path that is
 * refused as a request too (dot segments, encoded slashes …). Untrusted input.
 */
export function normalTargetUri(uri: string): string | undefined {
  if (uri.length > uriCharactersMax) return undefined
  const [, host, port, path = '/'] = uriShape.exec(uri) ?? []
  if (host === undefined) return undefined
  const target = parseTarget(path)
  if (!target.ok) return undefined
  const isUsual = port === undefined || port === '' || Number(port) === 443
  return `https://${host.toLowerCase()}${isUsual ? '' : `:${Number(port)}`}${target.value.text}`
}
