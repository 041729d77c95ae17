import type { KeyObject } from 'node:crypto'
import { verifyBase } from '../signature/algorithm.ts'
import { signatureBase } from '../signature/base.ts'
import type { FieldValues, SignedMessage } from '../signature/message.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import { readSealInput, readSealSignature, type SealInput } from './input.ts'
import { forbiddenFields, neverCoveredFields, sealOwnFields, sealTag } from './names.ts'
import type { FlatFields, Refusal, SealLimits } from './terms.ts'

/** A header section with its one seal, parsed and not verified. */
export interface OpenedHead {
  readonly fields: FieldValues
  readonly input: SealInput
  readonly signature: Buffer
}

/** What must be covered beside every end-to-end field. */
export interface Coverage {
  /** Serialised derived components: all of them, and no other. */
  readonly derived: ReadonlySet<string>
  /** Fields that must be there. */
  readonly fields: readonly string[]
}

const nameShape = /^[a-z0-9-]+$/

/** Parses a header section: each name once, exactly one signature. Refuses with `seal-missing` or `seal-malformed`. */
export function openHead(rawHeaders: FlatFields): Verdict<OpenedHead> {
  const fields = new Map<string, string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    if (!nameShape.test(name))
      return refused('seal-malformed', 'A field name has other characters than letters, digits and "-".')
    if (fields.has(name)) return refused('seal-malformed', `The field "${name}" is there twice.`)
    fields.set(name, rawHeaders[index + 1] ?? '')
  }
  const rawInput = fields.get('signature-input')
  const rawSignature = fields.get('signature')
  if (rawInput === undefined && rawSignature === undefined) return refused('seal-missing', 'The message is not sealed.')
  const input = rawInput === undefined ? undefined : readSealInput(rawInput)
  const signature = rawSignature === undefined ? undefined : readSealSignature(rawSignature)
  if (input === undefined || signature === undefined) {
    return refused('seal-malformed', 'Signature-Input and Signature must hold the one signature of the profile.')
  }
  return accepted({ fields, input, signature })
}

/** Everything present is covered, and nothing is covered that is absent or not of the profile. */
export function checkCoverage({ fields, input }: OpenedHead, required: Coverage): Refusal | undefined {
  for (const name of forbiddenFields) {
    if (fields.has(name)) return refused('seal-malformed', `The field "${name}" may not cross between workloads.`)
  }
  for (const name of required.fields) {
    if (!fields.has(name)) return refused('seal-uncovered', `The field "${name}" is missing.`)
  }
  let derivedCount = 0
  let fieldCount = 0
  for (const component of input.components) {
    if (required.derived.has(component.text)) {
      derivedCount++
    } else if (component.req === true || neverCoveredFields.has(component.name) || !fields.has(component.name)) {
      return refused('seal-malformed', `The component ${component.text} cannot be covered in this message.`)
    } else {
      fieldCount++
    }
  }
  if (derivedCount !== required.derived.size) return refused('seal-uncovered', 'A derived component is not covered.')
  let presentCount = 0
  for (const name of fields.keys()) if (!neverCoveredFields.has(name)) presentCount++
  // Components are unique and each names a field that is present, so equal numbers mean equal sets.
  return presentCount === fieldCount ? undefined : refused('seal-uncovered', 'A field that crosses is not covered.')
}

/** Tag and times of a seal. Refuses with `seal-malformed` or `seal-expired`. */
export function checkTimes(input: SealInput, limits: SealLimits, nowMs: number): Refusal | undefined {
  if (input.tag !== sealTag) return refused('seal-malformed', 'The tag is not the one of this profile.')
  return checkLife(input, limits, nowMs)
}

/** The times of a signature. Refuses with `seal-expired`. */
export function checkLife(
  { created, expires }: Pick<SealInput, 'created' | 'expires'>,
  limits: SealLimits,
  nowMs: number,
): Refusal | undefined {
  if (expires <= created || expires - created > limits.lifeSecondsMax) {
    return refused('seal-expired', `The seal must hold between 1 and ${limits.lifeSecondsMax} seconds.`)
  }
  if (created * 1000 > nowMs + limits.skewSecondsMax * 1000)
    return refused('seal-expired', 'The seal was made in the future.')
  return expires * 1000 <= nowMs ? refused('seal-expired', 'The seal has expired.') : undefined
}

/** Refuses with `seal-invalid` unless the signature over the covered components of the message is the key's. */
export function checkSignature(opened: OpenedHead, message: SignedMessage, key: KeyObject): Refusal | undefined {
  const base = signatureBase(opened.input.components, opened.input.text, message)
  return base !== undefined && verifyBase('ecdsa-p256-sha256', key, base, opened.signature)
    ? undefined
    : refused('seal-invalid', 'The signature does not verify with the key of the workload token.')
}

/** The fields that a receiver may act on: present and covered, without those of the seal itself. */
export function crossingFields(fields: FieldValues): FlatFields {
  const crossing: string[] = []
  for (const [name, value] of fields) {
    if (!neverCoveredFields.has(name) && !sealOwnFields.has(name)) crossing.push(name, value)
  }
  return crossing
}
