/** What goes back to a client. `fields` is flat: name, value, name, value, names in lower case. */
export interface Answer {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: Uint8Array | StreamedBody
}

/**
 * The body of an answer while it still arrives from a module. Its end is not known to be right before all of it was read, so the
 * last byte is held back: a client must never see a clean end of a body that did not verify.
 */
export interface StreamedBody {
  /** Every byte but the last, at most once. `return` gives the connection to the module up. */
  readonly pieces: AsyncIterable<Uint8Array>
  /** After the pieces: verifies the end and gives what was held back. If it rejects the client must see the connection break. */
  readonly finish: () => Promise<Uint8Array>
  /** Aborts, with the refusal as its reason, once nothing more of the body may leave. */
  readonly cut?: AbortSignal | undefined
  /** Instead of `finish`: the body could not be given to its end. Never rejects. */
  readonly abandon: (failure: unknown) => Promise<void>
}

/** An answer whose body is whole. */
export interface WholeAnswer extends Answer {
  readonly body: Uint8Array
}

/** Whether the body of an answer is still to be read. */
export function isStreamed(answer: Answer): answer is Answer & { readonly body: StreamedBody } {
  return !(answer.body instanceof Uint8Array)
}
