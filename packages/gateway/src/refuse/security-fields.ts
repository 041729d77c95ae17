/**
 * Fields of every answer, also of those that Node would give by itself. An API has no page to show, so nothing may be loaded,
 * framed, sniffed or kept; a stage may replace `cache-control` only. What somebody stored as a page is shown, if at all, in a
 * sandbox: of another origin than ours, without scripts and forms.
 */
export const securityFields = [
  ['strict-transport-security', 'max-age=31536000; includeSubDomains'],
  [
    'content-security-policy',
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
  ],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cache-control', 'no-store'],
] as const

/** The same for `writeHead`, with the request id; the answer's own fields come first and win. */
export function finishFields(fields: readonly string[], requestId: string): string[] {
  const finished = [...fields, 'x-request-id', requestId]
  for (const [name, value] of securityFields) if (!hasField(fields, name)) finished.push(name, value)
  return finished
}

function hasField(fields: readonly string[], wanted: string): boolean {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === wanted) return true
  return false
}
