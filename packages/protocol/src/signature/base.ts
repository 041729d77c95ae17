import { componentValue, type Component } from './component.ts'
import type { SignedMessage } from './message.ts'

/**
 * The signature base of RFC 9421, section 2.5: a line for each component and one for the parameters. `parameters` is the
 * serialised inner list with its parameters. Undefined if the message lacks a component.
 */
export function signatureBase(
  components: readonly Component[],
  parameters: string,
  message: SignedMessage,
): string | undefined {
  let base = ''
  for (const component of components) {
    const value = componentValue(component, message)
    if (value === undefined) return undefined
    base += `${component.text}: ${value}\n`
  }
  return `${base}"@signature-params": ${parameters}`
}
