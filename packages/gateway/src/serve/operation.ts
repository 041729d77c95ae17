import type { Requirement } from '@pop-api/policy'
import type { JsonObject } from '@pop-api/protocol'
import type { Answer } from '../answer.ts'
import type { Caller } from '../identify/caller.ts'
import type { Permitted } from '../permit/permit.ts'
import type { RequestBody } from '../receive/body.ts'
import type { Received } from '../receive/received.ts'

/** An operation of the gateway itself, for a caller that was identified and permitted like any other. */
export interface OwnOperation {
  readonly kind: 'own'
  readonly method: 'GET' | 'PATCH' | 'POST' | 'PUT' | 'DELETE'
  /** The whole path, a template. */
  readonly path: string
  /** `parameters` of its description (OpenAPI 3.1); undefined where the path has none. */
  readonly parameters?: readonly JsonObject[]
  readonly summary: string
  /** `requestBody` of its description (OpenAPI 3.1); undefined where it takes none. */
  readonly requestBody?: JsonObject
  /** The word of the audit event. */
  readonly action: string
  /** Undefined: every verified caller. */
  readonly requires: Requirement | undefined
  readonly serve: (request: OwnRequest) => Answer | Promise<Answer>
}

/** A request for an operation of the gateway itself. */
export interface OwnRequest {
  readonly permitted: Permitted<OwnOperation>
  readonly body: RequestBody
  /** Puts the opening event of a change on the disk, under this transaction. Nothing is changed before it resolves. */
  readonly announce: (txn: string) => Promise<void> | undefined
  readonly notes: Pick<Notes, 'action'>
}

/** An operation of the gateway for somebody who has no token yet, or comes to end one. Limited by address. */
export interface OpenOperation {
  readonly kind: 'open'
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly summary: string
  readonly action: string
  /**
   * The provider calls it, with a proof of its own: the limit of sign-ins does not count it, because a provider that is refused does
   * not come again.
   */
  readonly ofProvider?: true
  readonly serve: (request: OpenRequest) => Answer | Promise<Answer>
}

export interface OpenRequest {
  readonly received: Received
  readonly body: Buffer
  /** For the closing event; filled in as it becomes known, also when the operation refuses. */
  readonly notes: Notes
}

/** What an open operation found out about who is asking. */
export interface Notes {
  /** In place of the operation's own word for the audit event, where the request says which of several it is. */
  action?: string
  /** The account that a stranger named. Untrusted: it may be anything. */
  account?: string
  /** The session that was ended. */
  session?: string
  /** Who it was, once a token of ours or of the provider has said so. */
  caller?: Caller
}
