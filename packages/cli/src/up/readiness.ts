import { readFile } from 'node:fs/promises'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { isJsonObject, parseStrictJson } from '@pop-api/protocol'
import { errorCode } from './own-file.ts'
import type { RunFile } from './run-file.ts'

/** What the gateway says of itself. */
export interface Readiness {
  readonly ready: boolean
  /** It said something at all. */
  readonly answers: boolean
  /** What keeps it from its work, in its own words; empty when ready. */
  readonly faults: readonly string[]
}

const answerMsMax = 2_000

/** Asks `/readyz` on the operations listener. Does not throw: a gateway that does not answer is not ready. */
export async function askReadiness({ operations, ca }: Pick<RunFile, 'operations' | 'ca'>): Promise<Readiness> {
  try {
    const url = new URL('/readyz', operations)
    const options = { signal: AbortSignal.timeout(answerMsMax), agent: false } as const
    const asked =
      url.protocol === 'https:' ? requestTls(url, { ...options, ca: await readFile(ca) }) : requestPlain(url, options)
    const answer = Promise.withResolvers<Readiness>()
    asked.on('error', answer.reject)
    asked.on('response', (response) => {
      text(response).then((body) => answer.resolve(read(response.statusCode ?? 0, body)), answer.reject)
    })
    asked.end()
    return await answer.promise
  } catch (error) {
    return { ready: false, answers: false, faults: [`the gateway does not answer: ${silence(error)}`] }
  }
}

function silence(error: unknown): string {
  if (errorCode(error) === 'ABORT_ERR') return `nothing within ${answerMsMax / 1000} s`
  return error instanceof Error ? error.message : 'no reason'
}

/** Asks until the gateway is ready, or for `waitMsMax`; gives the last answer. */
export async function awaitReadiness(run: RunFile, waitMsMax: number, signal: AbortSignal): Promise<Readiness> {
  const sinceMs = performance.now()
  for (;;) {
    const readiness = await askReadiness(run)
    if (readiness.ready || signal.aborted || performance.now() - sinceMs > waitMsMax) return readiness
    await delay(100)
  }
}

function read(status: number, body: string): Readiness {
  const parsed = parseStrictJson(body)
  const checks: unknown = parsed.ok && isJsonObject(parsed.value) ? parsed.value['checks'] : undefined
  const faults = (Array.isArray(checks) ? checks : []).flatMap((check: unknown) => {
    const { name, fault } = isJsonObject(check) ? check : {}
    return typeof fault === 'string' ? [`${String(name)}: ${fault}`] : []
  })
  if (status === 200) return { ready: true, answers: true, faults: [] }
  return { ready: false, answers: true, faults: faults.length > 0 ? faults : [`/readyz answered ${status}`] }
}
