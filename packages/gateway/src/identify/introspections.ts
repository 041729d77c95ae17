import { PopError } from '@pop-api/protocol'
import type { Caller } from './caller.ts'
import { TokenRefused } from './token-error.ts'

/** What the provider said of tokens a moment ago (RFC 7662). */
export interface Introspections {
  /**
   * Who a token is for by a present answer, else by `ask`, which is begun once for all who wait for one token. `rules` MUST be
   * another object after each change of the settings: answers under others count for nothing. `mayAsk` is called before `ask` is, and
   * throws for whoever asks too much. Throws what `ask` rejects with; a `TokenRefused` is remembered.
   */
  readonly callerOf: (question: Question) => Caller | Promise<Caller>
}

interface Question {
  readonly token: string
  readonly rules: object
  /** From where it came; undefined for one that the provider itself gave us. */
  readonly network: string | undefined
  readonly mayAsk: () => void
  readonly ask: () => Promise<Caller>
}

export interface IntrospectionOptions {
  /** Good answers that are remembered; the one that was kept longest ago makes room. */
  readonly tokensMax: number
  /** Refusals, in a space of their own: whoever sends any number of wrong tokens pushes out no right one. */
  readonly refusalsMax: number
  /** Questions under way at a time. */
  readonly askingMax: number
  /** Of these from one network: with a provider that hangs, nobody shall hold all of them. */
  readonly askingOfNetworkMax: number
  readonly nowMs: () => number
}

/** How long a token may go on once the provider has ended it. */
const goodMsMax = 30_000
const refusalMsMax = 5_000

interface Answer<T> {
  readonly value: T
  readonly untilMs: number
}

/** Everything that was answered under the same settings. */
interface Answers {
  readonly rules: object
  readonly good: Map<string, Answer<Caller>>
  readonly refusals: Map<string, Answer<TokenRefused>>
  readonly asking: Map<string, Promise<Caller>>
}

export function createIntrospections(options: IntrospectionOptions): Introspections {
  const { nowMs, askingMax, askingOfNetworkMax } = options
  const askingOf = new Map<string, number>()
  let answers = emptyAnswers({})
  return {
    callerOf: ({ token, rules, network, mayAsk, ask }) => {
      if (answers.rules !== rules) answers = emptyAnswers(rules)
      const now = nowMs()
      const good = present(answers.good.get(token), now, goodMsMax)
      if (good !== undefined) return good
      const refusal = present(answers.refusals.get(token), now, refusalMsMax)
      if (refusal !== undefined) throw refusal
      const shared = answers.asking.get(token)
      if (shared !== undefined) return shared
      mayAsk()
      if (answers.asking.size >= askingMax)
        throw new PopError('identity-unavailable', 'Too many tokens wait for an answer of the identity provider.', {
          headers: { 'retry-after': '1' },
        })
      if (network !== undefined && (askingOf.get(network) ?? 0) >= askingOfNetworkMax)
        throw new PopError(
          'rate-limited',
          'Too many tokens of this network wait for an answer of the identity provider.',
          {
            headers: { 'retry-after': '1' },
          },
        )
      const { asking } = answers
      const leave = network === undefined ? () => undefined : enter(askingOf, network)
      const asked = note(answers, token, now, ask, options).finally(() => {
        asking.delete(token)
        leave()
      })
      asking.set(token, asked)
      return asked
    },
  }
}

/** Counts one more; gives the way to count it no more. */
function enter(counts: Map<string, number>, name: string): () => void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
  return () => {
    const left = (counts.get(name) ?? 0) - 1
    if (left > 0) counts.set(name, left)
    else counts.delete(name)
  }
}

async function note(
  { good, refusals }: Answers,
  token: string,
  begunMs: number,
  ask: () => Promise<Caller>,
  { tokensMax, refusalsMax, nowMs }: IntrospectionOptions,
): Promise<Caller> {
  try {
    const caller = await ask()
    // Counted from the question: what was ended while it was answered is known no later than the rest.
    keep(good, token, { value: caller, untilMs: Math.min(begunMs + goodMsMax, caller.exp * 1000) }, tokensMax)
    return caller
  } catch (error) {
    if (error instanceof TokenRefused)
      keep(refusals, token, { value: error, untilMs: nowMs() + refusalMsMax }, refusalsMax)
    throw error
  }
}

function emptyAnswers(rules: object): Answers {
  return { rules, good: new Map(), refusals: new Map(), asking: new Map() }
}

/** A clock that was set back must not stretch an answer. */
function present<T>(answer: Answer<T> | undefined, nowMs: number, msMax: number): T | undefined {
  if (answer === undefined || nowMs >= answer.untilMs || answer.untilMs - nowMs > msMax) return undefined
  return answer.value
}

function keep<T>(map: Map<string, Answer<T>>, token: string, answer: Answer<T>, max: number): void {
  map.delete(token)
  map.set(token, answer)
  const [oldest] = map.keys()
  if (map.size > max && oldest !== undefined) map.delete(oldest)
}
