import { hash } from 'node:crypto'
import type { TrustedKey, TrustSection } from '../bulletin/sections.ts'
import { parseSpiffeId } from '../identity/spiffe-id.ts'
import { importKeyRecord, type KeyRecord } from '../jws/key-record.ts'

/** A key that may verify one kind of token. */
export interface TrustedRecord {
  readonly record: KeyRecord
  /** SHA-256 of the public key: tells a key from another that later got its `kid`. */
  readonly fingerprint: string
}

/** A gateway's Txn-Token key: the `iss` of a token that it verifies must be `owner`. */
export interface OwnedRecord extends TrustedRecord {
  readonly owner: string
}

/**
 * The trust section with its keys imported. Keys of one kind never verify another kind, so each kind has its own look-up; a
 * `distrusted` key is not there at all, `next`, `active` and `retiring` verify.
 */
export interface Trust {
  readonly domain: string
  readonly witIssuer: (kid: string) => TrustedRecord | undefined
  readonly txnKey: (kid: string) => OwnedRecord | undefined
  /** Verifies test tokens; finds nothing where they are not allowed. */
  readonly testKey: (kid: string) => TrustedRecord | undefined
}

/**
 * Imports the keys of a verified bulletin once. Throws an Error for a section that cannot be used whole: a key that is not
 * ES256, a `kid` listed twice, an owner that is not a gateway of the domain.
 */
export function compileTrust(section: TrustSection): Trust {
  const witIssuers = compileKeys(section.wit_issuers, (key) => importTrusted(key))
  const txnKeys = compileKeys(section.txn_keys, (key) => {
    const owner = parseSpiffeId(key.owner)
    if (owner?.kind !== 'gateway' || owner.domain !== section.domain) {
      throw new Error(`The owner of the Txn-Token key ${key.kid} is not a gateway of ${section.domain}.`)
    }
    return { ...importTrusted(key), owner: key.owner }
  })
  const testKeys = compileKeys(section.test_keys ?? [], (key) => importTrusted(key))
  return {
    domain: section.domain,
    witIssuer: (kid) => witIssuers.get(kid),
    txnKey: (kid) => txnKeys.get(kid),
    testKey: (kid) => testKeys.get(kid),
  }
}

function compileKeys<K extends TrustedKey, R>(keys: readonly K[], compile: (key: K) => R): ReadonlyMap<string, R> {
  const records = new Map<string, R>()
  const seen = new Set<string>()
  for (const key of keys) {
    // Listed twice with two states, the key would be trusted or not by the order of the list.
    if (seen.has(key.kid)) throw new Error(`The trust section lists the key ${key.kid} twice.`)
    seen.add(key.kid)
    if (key.state !== 'distrusted') records.set(key.kid, compile(key))
  }
  return records
}

function importTrusted(key: TrustedKey): TrustedRecord {
  const record = importKeyRecord({ ...key.jwk, kid: key.kid })
  if (record?.alg !== 'ES256') throw new Error(`The key ${key.kid} of the trust section is not an ES256 public key.`)
  return { record, fingerprint: hash('sha256', record.key.export({ type: 'spki', format: 'der' }), 'base64url') }
}
