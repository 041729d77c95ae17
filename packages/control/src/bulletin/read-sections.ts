import type { BulletinSections, PolicySection, TrustSection } from '@pop-api/protocol'
import { allowsTestTokens } from '@pop-api/settings'
import { ownTrust, type AuthoritySet } from '../authority/authority.ts'
import { txnKeys } from '../enrolment/txn-keys.ts'
import { readIncidents } from '../incident/revocation-desk.ts'
import { moduleEntries } from '../modules/modules.ts'
import { settingsInForce } from '../settings/settings-desk.ts'
import { readFact, type Store } from '../store/store.ts'
import { testKeysOf, type TestSigner } from '../test-tokens/test-signer.ts'

/** What the sections are made of. */
export interface SectionSources {
  readonly store: Store
  readonly authorities: AuthoritySet
  readonly domain: string
  readonly testSigner: TestSigner
}

/** The bulletin's sections as they are now. Throws an Error before policy and settings were published. */
export function readSections(sources: SectionSources): BulletinSections {
  const { store } = sources
  return {
    trust: readTrust(sources),
    modules: moduleEntries(store),
    policy: readPolicy(store),
    settings: settingsInForce(store),
    incidents: readIncidents(store),
  }
}

/** The trust section; with the key of test tokens only while the settings in force allow them. */
export function readTrust({ store, authorities, domain, testSigner }: SectionSources): TrustSection {
  const signer = testSigner.present(allowsTestTokens(settingsInForce(store)))
  return { domain, ...ownTrust(authorities), txn_keys: txnKeys(store), ...testKeysOf(signer) }
}

/** The policy that was published last. Throws an Error before there was one. */
export function readPolicy(store: Store): PolicySection {
  const text = readFact(store, 'policy')
  if (text === undefined) throw new Error('No policy was published yet.')
  // The fact is only ever written from a value of this type.
  return JSON.parse(text) as PolicySection
}
