import { problemCatalogue } from './catalogue.ts'
import type { PopError } from './pop-error.ts'

export const problemMediaType = 'application/problem+json'

/** An RFC 9457 problem document as it stands on the wire. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly request_id: string
  readonly decision?: string
  readonly [member: string]: unknown
}

/** The document that tells a client of a refusal. `type` is a name, not an address to fetch. */
export function problemOf(error: PopError, requestId: string, decision?: string): Problem {
  return {
    type: `https://pop-api.dev/problems/${error.code}`,
    title: problemCatalogue[error.code].title,
    status: error.status,
    code: error.code,
    detail: error.message,
    request_id: requestId,
    ...(decision === undefined ? {} : { decision }),
    ...error.members,
  }
}
