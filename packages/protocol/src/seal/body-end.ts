import { createHash } from 'node:crypto'
import { PopError } from '../problem/pop-error.ts'
import { signBase, verifyBase } from '../signature/algorithm.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import { lifeParameters } from './cover.ts'
import { readEnd } from './read-end.ts'
import { checkLife } from './open-head.ts'
import { endComponents, endLabel, endTag, sealLabel } from './names.ts'
import type {
  BodySealer,
  BodyVerifier,
  Ending,
  FlatFields,
  HeadStream,
  SealIdentity,
  SealLimits,
  StreamedBody,
} from './terms.ts'

const code = 'internal'

/** Begins to seal the end of a body. `signature` is the serialised member `wimse` of the `Signature` of its head. */
function sealBody({ lengthBytes }: StreamedBody, signature: string, identity: SealIdentity): BodySealer {
  const meter = measure()
  return {
    add: meter.add,
    end: (ending, moment) => {
      if (ending === 'complete' && lengthBytes !== undefined && meter.bytes() !== lengthBytes)
        throw new PopError(code, `A body of ${lengthBytes} bytes ended after ${meter.bytes()}.`)
      const digest = meter.digest()
      const parameters = `(${endComponents})${lifeParameters(moment, endTag, code)}`
      const made = signBase('ecdsa-p256-sha256', identity.privateKey, baseOf(signature, digest, ending, parameters))
      return [
        'content-digest',
        digest,
        'pop-end',
        ending,
        'signature-input',
        `${endLabel}=${parameters}`,
        'signature',
        `${endLabel}=:${made.toString('base64')}:`,
      ]
    },
  }
}

/** The sealer of a body that follows with a trailer; undefined for every other. `signature` is the whole field of the head. */
export function sealerOf(
  body: Uint8Array | StreamedBody | undefined,
  signature: string,
  identity: SealIdentity,
): BodySealer | undefined {
  if (body === undefined || body instanceof Uint8Array || body.stream === 'open') return undefined
  return sealBody(body, signature.slice(sealLabel.length + 1), identity)
}

/** Begins to verify a streamed body; see `Seal`. */
export function verifyBody(head: HeadStream, limits: SealLimits): BodyVerifier {
  const meter = measure()
  return {
    add: (piece) => {
      meter.add(piece)
      return head.lengthBytes !== undefined && meter.bytes() > head.lengthBytes
        ? refused('seal-body', 'The body is longer than its head says.')
        : undefined
    },
    end: (rawTrailers, nowMs) => {
      if (head.stream === 'open') {
        return rawTrailers.length === 0 ? accepted('complete') : refused('seal-body', 'An open stream has no trailers.')
      }
      return verifyEnd(head, { digest: meter.digest(), bytes: meter.bytes() }, rawTrailers, { limits, nowMs })
    },
  }
}

interface Measured {
  readonly digest: string
  readonly bytes: number
}

function verifyEnd(
  { lengthBytes, signature, key }: HeadStream,
  { digest, bytes }: Measured,
  rawTrailers: FlatFields,
  { limits, nowMs }: { readonly limits: SealLimits; readonly nowMs: number },
): Verdict<Ending> {
  const end = readEnd(rawTrailers)
  if (!end.ok) return end
  const late = checkLife(end.value, limits, nowMs)
  if (late !== undefined) return late
  const { ending, text } = end.value
  if (!verifyBase('ecdsa-p256-sha256', key, baseOf(signature, end.value.digest, ending, text), end.value.signature))
    return refused('seal-invalid', 'The end of the body was not sealed with the key of its head.')
  if (end.value.digest !== digest) return refused('seal-body', 'The body is not the one that was sealed.')
  if (ending === 'complete' && lengthBytes !== undefined && bytes !== lengthBytes)
    return refused('seal-body', 'The body is shorter than its head says.')
  return accepted(ending)
}

/** The signature base of an end (RFC 9421, section 2.5): the head's signature ties it to the one message that it ends. */
function baseOf(signature: string, digest: string, ending: Ending, parameters: string): string {
  const lines = [
    `"signature";key="wimse": ${signature}`,
    `"content-digest";tr: ${digest}`,
    `"pop-end";tr: ${ending}`,
    `"@signature-params": ${parameters}`,
  ]
  return lines.join('\n')
}

function measure() {
  const hash = createHash('sha256')
  let bytes = 0
  return {
    add: (piece: Uint8Array): void => {
      bytes += piece.length
      hash.update(piece)
    },
    bytes: () => bytes,
    /** Once: it ends the hash. */
    digest: () => `sha-256=:${hash.digest('base64')}:`,
  }
}
