/** What can end a workload's start, or one call to control. A code is never renamed and never reused. */
export type WorkloadErrorCode =
  | 'boot-invalid'
  | 'root-mismatch'
  | 'credentials-invalid'
  | 'control-unavailable'
  | 'control-unreadable'
  | 'bulletin-refused'

/** A fault between a workload and control, for logs and operators; what control itself refuses is a PopError with its code. */
export class WorkloadError extends Error {
  override readonly name = 'WorkloadError'
  readonly code: WorkloadErrorCode

  constructor(code: WorkloadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
