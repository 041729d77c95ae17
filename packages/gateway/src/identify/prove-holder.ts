import { normalTargetUri, PopError, proofAheadSecondsMax, verifyDpopProof } from '@pop-api/protocol'
import type { Received } from '../receive/received.ts'
import type { Caller } from './caller.ts'
import type { Scheme } from './challenge.ts'
import type { ProofMemory } from './proof-memory.ts'
import { TokenRefused } from './token-error.ts'

/** A token as it came. */
export interface Presented {
  readonly scheme: Scheme
  readonly token: string
}

/** What proofs are checked by. */
export interface ProofRules {
  readonly proofs: ProofMemory
  readonly nowMs: () => number
}

/**
 * Refuses whoever cannot show what the token is bound to: asked at every request, whatever is known of the token. With 401 a bound
 * token that comes as Bearer, an unbound one as DPoP, a proof that does not hold, a connection without the certificate; with 503 a
 * proof of which cannot be known whether it was used before.
 */
export function proveHolder(caller: Caller, presented: Presented, received: Received, rules: ProofRules): void {
  const { key, certificate } = caller.binding ?? {}
  if (certificate !== undefined) requireCertificate(certificate, presented.scheme, received)
  if (key === undefined) {
    if (presented.scheme === 'DPoP')
      throw refusal('credential-unsupported', 'The token is bound to no key: send it as "Bearer".')
    return
  }
  // RFC 9449 section 7.2: whoever stole a bound token must not be able to pass it off as one that is not.
  if (presented.scheme !== 'DPoP')
    throw refusal('proof-missing', 'The token is bound to a key: send it as "DPoP", with a proof in the field dpop.')
  const proof = received.fields.get('dpop')
  if (proof === undefined)
    throw refusal('proof-missing', 'The field dpop with the proof is missing.', 'invalid_dpop_proof')
  takeProof(proof, key, caller, presented, received, rules)
}

function takeProof(
  proof: string,
  thumbprint: string,
  { subject }: Caller,
  { token }: Presented,
  { method, origin, target }: Received,
  { proofs, nowMs }: ProofRules,
): void {
  const now = nowMs()
  // Our own address: the field host says what a client likes, and a proof for another server may not be used here.
  const uri = normalTargetUri(`${origin ?? ''}${target.text}`) ?? ''
  const verified = verifyDpopProof(proof, { method, uri, token, thumbprint, nowMs: now })
  if (!verified.ok) throw refusal('proof-invalid', verified.detail, 'invalid_dpop_proof')
  switch (proofs.remember(subject, verified.value, now)) {
    case 'fresh':
      return
    case 'known': {
      const detail = 'The DPoP proof was used before: make a new one for each request.'
      throw new TokenRefused('proof-invalid', detail, 'proof-replayed', 'DPoP', 'invalid_dpop_proof')
    }
    case 'full':
      throw unavailable('More proofs came within a minute than can be remembered.', 10)
    case 'unknowable':
      throw unavailable('The proof may have been used before this gateway began.', proofAheadSecondsMax + 1)
  }
}

/** RFC 8705 section 3: the connection has the certificate that the token was issued to. */
function requireCertificate(thumbprint: string, scheme: Scheme, { certificate }: Received): void {
  if (certificate === thumbprint) return
  const detail =
    certificate === undefined
      ? 'The token is bound to a client certificate, and this connection has none: use the listener that asks for one.'
      : 'The token is bound to another client certificate than that of this connection.'
  throw new TokenRefused('proof-missing', detail, 'proof-missing', scheme)
}

function refusal(
  code: 'credential-unsupported' | 'proof-missing' | 'proof-invalid',
  detail: string,
  error: 'invalid_token' | 'invalid_dpop_proof' = 'invalid_token',
): TokenRefused {
  return new TokenRefused(code, detail, code, 'DPoP', error)
}

function unavailable(detail: string, seconds: number): PopError {
  return new PopError('proof-unavailable', detail, { headers: { 'retry-after': String(seconds) } })
}
