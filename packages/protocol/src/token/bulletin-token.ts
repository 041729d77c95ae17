import type { BulletinChange, BulletinSnapshot } from '../bulletin/sections.ts'
import { isCount, isJsonObject, type JsonObject } from '../encoding/shape.ts'
import { signJws, verifyJws } from '../jws/jws.ts'
import type { KeyRecord } from '../jws/key-record.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import { isSectionName, sectionShapes } from './section-shape.ts'
import type { TokenSigner } from './signer.ts'

export const bulletinType = 'pop-bulletin+jwt'
/** A bulletin carries whole manifests; this bounds what a follower reads before it knows the signature. */
export const bulletinCharactersMax = 16 * 1024 * 1024

/** Signs a snapshot or a change as control's bulletin key. */
export function signBulletin(claims: BulletinSnapshot | BulletinChange, signer: TokenSigner): string {
  return signJws({ alg: 'ES256', kid: signer.kid, typ: bulletinType }, claims, signer.privateKey)
}

/**
 * Verifies one JWS of the bulletin with the pinned key and reads it into its type; a snapshot is the one with `sections`.
 * Refuses with `token-malformed` or `token-invalid`. Order, gaps and age (`epoch`, `sequence`, `previous`, `issued`) are the
 * follower's to judge: it alone knows what it applied. Untrusted input.
 */
export function verifyBulletin(
  token: string,
  key: KeyRecord,
  expected: { readonly audience: string },
): Verdict<BulletinSnapshot | BulletinChange> {
  const rules = { types: [bulletinType], charactersMax: bulletinCharactersMax }
  const jws = verifyJws(token, (kid) => (kid === key.kid ? key : undefined), rules)
  if (!jws.ok) return jws
  const { claims } = jws.value
  if (claims['aud'] !== expected.audience) return refused('token-invalid', 'The bulletin is for another audience.')
  const { epoch, sequence, issued, previous } = claims
  if (!isCount(epoch) || !isCount(sequence) || !isCount(issued) || !isCount(previous)) {
    return refused('token-malformed', 'The bulletin must have epoch, sequence, issued and previous as whole numbers.')
  }
  if (!isSnapshot(claims) && !isChange(claims)) {
    return refused('token-malformed', 'The bulletin is neither a snapshot nor a change of known sections.')
  }
  return accepted(claims)
}

/** A section that this version does not know is refused, not skipped: it might be one that forbids something. */
function isSnapshot(claims: JsonObject): claims is JsonObject & BulletinSnapshot {
  const { sections } = claims
  if (Object.hasOwn(claims, 'section') || !isJsonObject(sections)) return false
  return Object.entries(sections).every(([name, value]) => isSectionName(name) && sectionShapes[name](value))
}

function isChange(claims: JsonObject): claims is JsonObject & BulletinChange {
  const { section, value } = claims
  if (Object.hasOwn(claims, 'sections')) return false
  if (section === 'heartbeat') return value === undefined
  return isSectionName(section) && sectionShapes[section](value)
}
