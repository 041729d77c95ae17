/** What can be wrong with a secret at rest. A code is never renamed and never reused. */
export type KeyringErrorCode =
  | 'secret-exposed'
  | 'secret-missing'
  | 'secret-unreadable'
  | 'key-unusable'
  | 'key-unwrap-failed'

/** A secret that must not be used as it lies there. The message is for the operator: it names the file and what to do. */
export class KeyringError extends Error {
  override readonly name = 'KeyringError'
  readonly code: KeyringErrorCode

  constructor(code: KeyringErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
