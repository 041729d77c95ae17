import { hash, timingSafeEqual } from 'node:crypto'
import type { Interaction } from 'oidc-provider'

/**
 * What a form of a sign-in must bring back. Made of the secret id that the browser holds in its cookie, which no other site can
 * read or plant: a form that somebody else prepared, for this browser or for his own, does not fit.
 */
export function formToken({ uid }: Interaction): string {
  return hash('sha256', `pop sign-in form ${uid}`, 'base64url')
}

/** True for the token that `formToken()` makes; untrusted text. */
export function isFormToken(interaction: Interaction, given: string | undefined): boolean {
  const digest = (text: string): Buffer => hash('sha256', text, 'buffer')
  return given !== undefined && timingSafeEqual(digest(given), digest(formToken(interaction)))
}
