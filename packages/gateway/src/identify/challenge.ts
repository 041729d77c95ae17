import { proofAlgorithmNames } from '@pop-api/protocol'

/** How an access token is presented: alone, or with a proof of the key that it is bound to (RFC 9449 section 7.1). */
export type Scheme = 'Bearer' | 'DPoP'

const realm = 'realm="pop-api"'
const openings: Readonly<Record<Scheme, string>> = {
  Bearer: `Bearer ${realm}`,
  DPoP: `DPoP ${realm}, algs="${proofAlgorithmNames.join(' ')}"`,
}

/** The field that asks for a token presented in this way, and says what was wrong with the one that came: `error="…"` and others. */
export function challengeOf(
  scheme: Scheme,
  parameters: Readonly<Record<string, string>>,
): { readonly 'www-authenticate': string } {
  const words = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return { 'www-authenticate': [openings[scheme], ...words].join(', ') }
}

/** The field where none came, or none that could be read: either way is taken. */
export const anyChallenge = { 'www-authenticate': `${openings.Bearer}, ${openings.DPoP}` } as const
