import { hash } from 'node:crypto'

/**
 * One key for every spelling that a provider could read as the same account: case, compatibility forms, accents, and whatever is not
 * seen or only space are folded away, which is at least what Keycloak and the collation of its database fold. Folding too much is the
 * safe side: two accounts then share their failures from one network. That an e-mail address is another name of an account cannot be
 * known here; the provider's own limit bounds what it brings.
 */
export function accountKey(name: string): string {
  // Upper case opens what lower case leaves apart, such as ß, and ẞ is only lowered to it; what is lowered may have marks again.
  const folded = name.normalize('NFKD').toLowerCase().toUpperCase().toLowerCase().normalize('NFKD')
  return tagOf(folded.replace(/[\p{M}\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]/gu, ''))
}

/** The name exactly as it was written: the one thing that is certainly the same account each time. */
export function spellingOf(name: string): string {
  return tagOf(name).slice(0, 16)
}

/** Of one length, however long a name a stranger sends. */
function tagOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}
