import { decodeBase64 } from '../encoding/base64url.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import { endComponents, endLabel, endTag } from './names.ts'
import type { Ending, FlatFields } from './terms.ts'

/** The trailers of a streamed body, parsed and not verified. */
export interface BodyEnd {
  readonly digest: string
  readonly ending: Ending
  /** The inner list with its parameters, as sent: the value of `@signature-params`. */
  readonly text: string
  /** Seconds since 1970. */
  readonly created: number
  readonly expires: number
  readonly signature: Buffer
}

const names: ReadonlySet<string> = new Set(['content-digest', 'pop-end', 'signature-input', 'signature'])
const seconds = '(0|[1-9][0-9]{0,14})'
const inputShape = new RegExp(
  `^${endLabel}=(\\(${endComponents}\\);created=${seconds};expires=${seconds};nonce="[A-Za-z0-9_-]{8,64}";tag="${endTag}")$`,
)
const signatureShape = new RegExp(`^${endLabel}=:([A-Za-z0-9+/]+={0,2}):$`)

/** Reads the four trailers in the one spelling of the profile. Refuses everything else with `seal-body`. Untrusted input. */
export function readEnd(rawTrailers: FlatFields): Verdict<BodyEnd> {
  if (rawTrailers.length === 0) return refused('seal-body', 'The body ended without its trailers.')
  const trailers = new Map<string, string>()
  for (let index = 0; index < rawTrailers.length; index += 2) {
    const name = (rawTrailers[index] ?? '').toLowerCase()
    if (!names.has(name) || trailers.has(name)) return refused('seal-body', 'A trailer is there that no seal covers.')
    trailers.set(name, rawTrailers[index + 1] ?? '')
  }
  const digest = trailers.get('content-digest')
  const ending = trailers.get('pop-end')
  const [, text, created, expires] = inputShape.exec(trailers.get('signature-input') ?? '') ?? []
  const [, base64 = ''] = signatureShape.exec(trailers.get('signature') ?? '') ?? []
  const signature = decodeBase64(base64)
  if (digest === undefined || (ending !== 'complete' && ending !== 'partial') || text === undefined)
    return refused('seal-body', 'The trailers are not those of the profile.')
  if (signature === undefined || signature.length === 0)
    return refused('seal-body', 'The end of the body has no signature of the profile.')
  return accepted({ digest, ending, text, created: Number(created), expires: Number(expires), signature })
}
