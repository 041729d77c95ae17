import { STATUS_CODES } from 'node:http'
import { printable } from '@pop-api/audit'
import { bodyOf, mediaTypeOf, problemOf, readBody, refusal } from '../client/answer.ts'
import type { ClientAnswer } from '../client/exchange.ts'
import type { Gateway } from '../client/gateway.ts'
import { usageFailure } from '../command-failure.ts'
import { compactJson, indentJson } from '../print/json-text.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { saveBody } from './save-body.ts'

export interface ShowOptions {
  readonly asJson: boolean
  readonly isIncluded: boolean
  readonly outFile: string | undefined
}

/** The most that is held in memory; what only passes through has no limit. */
const bytesMax = 32 * 1024 * 1024

/**
 * Writes an answer where the options say, and throws a CommandFailure (refused) at the end when its status is 400 or above. What
 * reaches a terminal has no control characters.
 */
export async function showAnswer(
  answer: ClientAnswer,
  gateway: Gateway,
  around: Surroundings,
  { asJson, isIncluded, outFile }: ShowOptions,
): Promise<void> {
  const isRefused = answer.status >= 400
  if (asJson) {
    await showAsJson(answer, gateway, around, isRefused ? undefined : outFile)
    return
  }
  if (isIncluded) await around.out.write(headOf(answer))
  if (isRefused) await showRefusal(answer, gateway, around, outFile)
  else if (outFile !== undefined) {
    const bytes = await saveBody(answer, gateway, outFile)
    await around.err.writeLine(printable(`${bytes} bytes in ${outFile}`))
  } else await showBody(answer, gateway, around)
}

/** `{ status, headers, body }` in one line: JSON as it came, a text as a string, bytes as `body_base64`. */
async function showAsJson(
  answer: ClientAnswer,
  gateway: Gateway,
  { out }: Surroundings,
  outFile: string | undefined,
): Promise<void> {
  const head = JSON.stringify({ status: answer.status, headers: answer.message.headers }).slice(0, -1)
  if (outFile !== undefined) {
    const bytes = await saveBody(answer, gateway, outFile)
    await out.writeLine(`${printable(head)},${printable(JSON.stringify({ file: outFile, bytes }).slice(1))}`)
    return
  }
  const body = await readBody(answer, gateway, bytesMax)
  await out.writeLine(printable(`${head},${memberOf(answer, body)}}`))
  if (answer.status >= 400) throw refusal(answer, body)
}

function memberOf(answer: ClientAnswer, body: Buffer): string {
  const kind = kindOf(answer)
  if (kind === 'bytes') return `"body_base64":${JSON.stringify(body.toString('base64'))}`
  const text = body.toString('utf8')
  return `"body":${(kind === 'json' ? compactJson(text) : undefined) ?? JSON.stringify(text)}`
}

async function showRefusal(
  answer: ClientAnswer,
  gateway: Gateway,
  around: Surroundings,
  outFile: string | undefined,
): Promise<never> {
  const body = await readBody(answer, gateway, bytesMax)
  if (problemOf(answer, body) !== undefined) throw refusal(answer, body)
  // No document of ours: what it says is shown as any other body, but kept out of a file that was to hold a good answer.
  if (outFile === undefined) await showWhole(kindOf(answer), body, around)
  throw refusal(answer, body)
}

async function showBody(answer: ClientAnswer, gateway: Gateway, around: Surroundings): Promise<void> {
  const { out } = around
  const kind = kindOf(answer)
  if (!out.isTerminal) {
    for await (const chunk of bodyOf(answer, gateway)) {
      await out.write(chunk)
      if (out.closed.aborted) return
    }
  } else if (kind === 'text') {
    const decoder = new TextDecoder()
    for await (const chunk of bodyOf(answer, gateway))
      await out.write(printableLines(decoder.decode(chunk, { stream: true })))
    await out.write(printableLines(decoder.decode()))
  } else await showWhole(kind, await readBody(answer, gateway, bytesMax), around)
}

async function showWhole(kind: BodyKind, body: Buffer, { out }: Surroundings): Promise<void> {
  if (!out.isTerminal) await out.write(body)
  else if (body.length === 0) return
  else if (kind === 'bytes') {
    throw usageFailure(
      `the answer is ${body.length} bytes that are no text: take them with --out FILE, or pipe them on`,
    )
  } else {
    const text = body.toString('utf8')
    await out.writeLine(printableLines((kind === 'json' ? indentJson(text) : undefined) ?? text))
  }
}

function headOf({ message, status }: ClientAnswer): string {
  const { rawHeaders } = message
  const lines = [`HTTP/${message.httpVersion} ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()]
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`)
  return `${lines.map(printable).join('\n')}\n\n`
}

type BodyKind = 'json' | 'text' | 'bytes'

function kindOf(answer: ClientAnswer): BodyKind {
  const type = mediaTypeOf(answer)
  if (/^application\/(?:[a-z0-9.+-]*\+)?json$/.test(type)) return 'json'
  return type.startsWith('text/') || /^application\/(?:x-ndjson|jsonl|xml|yaml)$/.test(type) ? 'text' : 'bytes'
}
