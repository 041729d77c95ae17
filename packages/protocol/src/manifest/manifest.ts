/** An OpenAPI 3.1 document with our `x-pop-*` words, as JSON. Untrusted until `parseManifest` has made a `Manifest` of it. */
export type ManifestDocument = Readonly<Record<string, unknown>>

export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof methods)[number]

export type Ownership = 'any' | 'own' | 'public'

/** One role permission for all, or one for each ownership. */
export type RoleRequirement = string | Readonly<Partial<Record<Ownership, string>>>

export interface Requirement {
  readonly role: RoleRequirement
  readonly module: string
  /** Only a token that is bound to a key or a certificate of its caller (RFC 9449, RFC 8705) is enough. */
  readonly bound?: true
  /** How long ago, in seconds, the caller may have signed in. */
  readonly maxAgeSeconds?: number
}

export type Effect = 'create' | 'read' | 'change' | 'delete' | 'list'

/** Where the id of a resource stands in the request. */
export interface ResourceRule {
  readonly kind: string
  readonly effect: Effect
  /** Absent for `list`. */
  readonly id?: { readonly from: 'path' | 'body'; readonly name: string }
  /** For `list`: JSON pointer to the array in the answer, and from an item to its id. */
  readonly items?: string
  readonly key?: string
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: Readonly<Record<string, unknown>>
}

export interface Operation {
  /** `METHOD template`, without the base: what `tctx.operation` says. */
  readonly id: string
  readonly method: Method
  readonly template: string
  readonly operationId: string
  readonly requires: Requirement
  readonly resource?: ResourceRule
  /** Declared calls: `<module> METHOD template`. */
  readonly calls: readonly string[]
  readonly stream?: 'upload' | 'events'
  readonly parameters: readonly Parameter[]
  readonly body?: {
    readonly required: boolean
    readonly content: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  /** Names, in lower case, of answer fields declared beside the fixed list. */
  readonly answerHeaders: readonly string[]
}

export interface Manifest {
  readonly name: string
  /** `/v1/kafka` */
  readonly base: string
  readonly permissions: readonly string[]
  readonly operations: readonly Operation[]
  readonly document: ManifestDocument
}
