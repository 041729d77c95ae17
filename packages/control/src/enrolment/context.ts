import type { AuthoritySet } from '../authority/authority.ts'
import type { PublicNames } from '../authority/certificate.ts'
import type { Publisher } from '../bulletin/bulletin.ts'
import type { ControlLog } from '../record/control-log.ts'
import type { Store } from '../store/store.ts'

/** How long certificates live. The WIT lives as long as the mesh certificate it comes with. */
export interface CertificateLives {
  /** At most 24 h. */
  readonly meshMs: number
  readonly publicMs: number
}

/** What enrolment and renewal work with. */
export interface EnrolmentContext {
  readonly store: Store
  readonly authorities: AuthoritySet
  readonly publisher: Publisher
  readonly log: ControlLog
  readonly domain: string
  /** Control's own SPIFFE ID. */
  readonly spiffeId: string
  readonly environment: string
  readonly lives: CertificateLives
  readonly publicNames: PublicNames
  /** Manifest changes are in force without an operator: development only. */
  readonly approveAutomatically: boolean
  /** `https://host:port` of the control listener. */
  readonly controlUrl: () => string
  readonly nowMs: () => number
}
