import { sealLimits, type Seal } from '@pop-api/protocol'
import type { StreamedBody } from '../answer.ts'
import { noteFailure, type Upstream } from '../metrics/upstreams.ts'
import { brokenExchange, type StreamedAnswer } from './module-answer.ts'
import { answerUnverified } from './seal-failure.ts'
import type { Flow } from '../revoke/under-way.ts'

/** What the body of an answer is read with. */
interface AnswerTerms {
  readonly upstream: Upstream
  readonly seal: Seal
  readonly flow: Flow
  readonly nowMs: () => number
}

/**
 * The body of a streamed answer on its way to the client. The piece that came last is held back until the end has verified; of
 * events, whose end nobody seals, each goes on at once.
 */
export function answerBody(answer: StreamedAnswer, { upstream, seal, flow, nowMs }: AnswerTerms): StreamedBody {
  const { source, stream, rawTrailers } = answer
  const cut = new AbortController()
  flow.onCut((refusal) => {
    cut.abort(refusal)
    source.destroy(refusal)
  })
  const verifier = seal.verifyBody(stream, sealLimits)
  let held: Buffer = Buffer.alloc(0)
  return { pieces: pieces(), finish, abandon, cut: cut.signal }

  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      // The stream has no encoding, so its chunks are Buffers.
      for await (const piece of source as AsyncIterable<Buffer>) {
        upstream.answerBytes += piece.length
        const refusal = verifier.add(piece)
        if (refusal !== undefined) throw answerUnverified(refusal)
        if (held.length > 0) yield held
        held = piece
        if (stream.stream === 'trailer') continue
        held = Buffer.alloc(0)
        yield piece
      }
    } catch (failure) {
      throw noted(brokenExchange(failure))
    }
  }

  async function finish(): Promise<Uint8Array> {
    const end = verifier.end(rawTrailers(), nowMs())
    if (!end.ok) throw noted(answerUnverified(end))
    if (end.value !== 'complete') throw noted(answerUnverified(brokenOff))
    return held
  }

  async function abandon(): Promise<void> {
    source.destroy()
  }

  function noted<F>(failure: F): F {
    noteFailure(upstream, failure)
    return failure
  }
}

const brokenOff = { code: 'seal-body', detail: 'The module broke its answer off.' } as const
