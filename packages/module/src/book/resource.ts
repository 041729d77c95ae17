export type Visibility = 'private' | 'public'

/** A resource as the book knows it. */
export interface Resource {
  readonly kind: string
  readonly id: string
  /** The `sub` of the Txn-Token that created it: `user:<id>`, `client:<id>` or `module:<name>`. */
  readonly owner: string
  readonly visibility: Visibility
}
