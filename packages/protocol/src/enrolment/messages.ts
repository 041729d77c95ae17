import type { JWK } from 'jose'
import type { ManifestDocument } from '../manifest/manifest.ts'

/** What a one-time token entitles to become. `issuer` gets only a public certificate (interfaces.md, start of a child). */
export type EnrolmentKind = 'gateway' | 'module' | 'issuer'

/** `POST /enrol` on admin. A gateway sends both CSRs and both keys; a module csr, message_jwk, manifest; an issuer public_csr. */
export interface EnrolRequest {
  readonly token: string
  readonly csr?: string
  readonly public_csr?: string
  readonly message_jwk?: JWK
  readonly txn_jwk?: JWK
  readonly manifest?: ManifestDocument
}

export interface EnrolResponse {
  readonly spiffe_id?: string
  /** PEM chain, leaf first. */
  readonly certificate?: string
  readonly public_certificate?: string
  readonly wit?: string
  readonly api_key?: string
  /** PEM certificates of the mesh CA. */
  readonly mesh_roots: readonly string[]
  readonly bulletin_jwk: JWK
  /** `https://host:port` of the control listener. */
  readonly control: string
}

/** `POST /renew` on control: the same without a token, authenticated by the client certificate. */
export type RenewRequest = Omit<EnrolRequest, 'token'>

/** `PUT /instance` on control: certificate and `X-API-Key` of the same module. */
export interface InstanceReport {
  readonly address: string
  readonly manifest_digest: string
  readonly boot: string
}

/** The 0600 file named by `POP_BOOT`; a child deletes it once read. */
export interface BootFile {
  /** Node or module name, e.g. `gateway-1`, `kafka_service`. */
  readonly name: string
  /** Absolute path of the process's own folder, `<home>/<process>`. */
  readonly home: string
  /** Listener name → `{ host, port }`; port 0 lets the system choose. */
  readonly listen: Readonly<Record<string, { readonly host: string; readonly port: number }>>
  /** `https://host:port` of control's admin listener. */
  readonly admin: string
  /** `https://host:port` of its control listener, when whoever starts the child knows it; kept credentials may name an earlier one. */
  readonly control?: string
  readonly anchor: { readonly root_spki_sha256: string }
  /** Absent when credentials are expected to hold still. */
  readonly token?: string
}
