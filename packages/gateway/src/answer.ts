/** What goes back to a client. `fields` is flat: name, value, name, value, names in lower case. */
export interface Answer {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: Uint8Array
}
