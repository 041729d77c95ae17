import type { JWK } from 'jose'
import type { IncidentsSection } from '../incident/revocation.ts'
import type { ManifestDocument } from '../manifest/manifest.ts'

/** `next` is not used yet, `active` signs, `retiring` still verifies, `distrusted` verifies nothing (wire.md, trust bundle). */
export type KeyState = 'next' | 'active' | 'retiring' | 'distrusted'

/** A public key of the trust bundle. Keys of one list never verify a token of another kind. */
export interface TrustedKey {
  readonly kid: string
  readonly state: KeyState
  readonly jwk: JWK
}

export interface TrustSection {
  readonly domain: string
  /** CA certificates of the mesh, PEM. */
  readonly authorities: readonly { readonly id: string; readonly state: KeyState; readonly certificate: string }[]
  readonly wit_issuers: readonly TrustedKey[]
  /** Each gateway's own Txn-Token keys; `owner` is the SPIFFE ID that the token's `iss` must be. */
  readonly txn_keys: readonly (TrustedKey & { readonly owner: string })[]
  /** Keys of test tokens, for gateways alone; not there at all where test tokens are not allowed. */
  readonly test_keys?: readonly (TrustedKey & { readonly owner: 'urn:pop:test' })[]
}

/** A running instance of a module: where it listens and the boot value of its present start. */
export interface ModuleInstance {
  readonly spiffe_id: string
  /** `https://host:port`, or `http://…` on loopback where mTLS is not required. */
  readonly address: string
  readonly boot: string
}

export interface ModuleEntry {
  readonly name: string
  readonly manifest: ManifestDocument
  readonly manifest_digest: string
  readonly instances: readonly ModuleInstance[]
}

export type ModulesSection = Readonly<Record<string, ModuleEntry>>

/** Role → role permissions, module → module permissions, role → granted module permissions. */
export interface PolicySection {
  readonly roles: Readonly<Record<string, readonly string[]>>
  readonly module_permissions: Readonly<Record<string, readonly string[]>>
  readonly grants: Readonly<Record<string, readonly string[]>>
}

/** What a gateway needs of the resolved settings; validated by the settings package, so only a JSON value here. */
export type SettingsSection = Readonly<Record<string, unknown>>

export interface BulletinSections {
  readonly trust: TrustSection
  readonly modules: ModulesSection
  readonly policy: PolicySection
  readonly settings: SettingsSection
  readonly incidents: IncidentsSection
}

export type SectionName = keyof BulletinSections

/** `(epoch, sequence)`: compared as a pair, epoch first. `GET /bulletin/changes?after=EPOCH.N`. */
export interface BulletinPosition {
  readonly epoch: number
  readonly sequence: number
}

/** Claims of the snapshot JWS (`typ: pop-bulletin+jwt`). `aud` is `gateways` or `module:<name>`. `issued` in ms since 1970. */
export interface BulletinSnapshot extends BulletinPosition {
  readonly aud: string
  readonly issued: number
  readonly previous: number
  readonly sections: Partial<BulletinSections>
}

/** Claims of the JWS of one event: a whole section, or a heartbeat that counts nothing. */
export type BulletinChange = BulletinPosition & {
  readonly aud: string
  readonly issued: number
  readonly previous: number
} & (
    | { readonly section: 'heartbeat' }
    | { [S in SectionName]: { readonly section: S; readonly value: BulletinSections[S] } }[SectionName]
  )
