import { isJsonObject, isTextList, type JsonObject } from '@pop-api/protocol'
import type { Output } from '../print/output.ts'
import { printableLines } from '../print/safe-text.ts'

/** A line of a plan, as the program gives it. */
interface Change {
  readonly verb: string
  readonly name: string
  readonly fields: readonly { readonly field: string; readonly from?: unknown; readonly to?: unknown }[]
}

const marks: Readonly<Record<string, { readonly sign: string; readonly style: 'green' | 'yellow' | 'red' }>> = {
  create: { sign: '+', style: 'green' },
  change: { sign: '~', style: 'yellow' },
  remove: { sign: '-', style: 'red' },
}

/** Writes what a realm needs, or what was done to it, a line for each thing and one for each field that is otherwise. */
export async function showChanges(report: JsonObject, out: Output): Promise<void> {
  for (const { verb, name, fields } of changesOf(report)) {
    const { sign, style } = marks[verb] ?? { sign: '?', style: 'yellow' }
    await out.writeLine(out.paint(style, printableLines(`${sign} ${name}`)))
    if (verb !== 'change') continue
    for (const { field, from, to } of fields) await out.writeLine(printableLines(fieldLine(field, from, to)))
  }
}

/** The changes of a report. */
export function changesOf({ changes }: JsonObject): readonly Change[] {
  // Made by a program of the same version in this checkout.
  return Array.isArray(changes) ? (changes as readonly Change[]) : []
}

/** What is marked as ours in the realm and wanted no more. */
export function surplusOf({ surplus }: JsonObject): readonly string[] {
  return isTextList(surplus, 10_000, 512) ? surplus : []
}

/** client_id → subject. */
export function serviceClientsOf({ serviceClients }: JsonObject): Readonly<Record<string, string>> {
  const pairs = isJsonObject(serviceClients) ? Object.entries(serviceClients) : []
  return Object.fromEntries(pairs.map(([id, subject]) => [id, String(subject)]))
}

function fieldLine(field: string, from: unknown, to: unknown): string {
  if (isTextList(from, 10_000, 4096) && isTextList(to, 10_000, 4096)) {
    const added = to.filter((item) => !from.includes(item)).map((item) => `+${item}`)
    const removed = from.filter((item) => !to.includes(item)).map((item) => `-${item}`)
    return `    ${field}: ${[...added, ...removed].join(' ')}`
  }
  if (typeof to === 'string' && to.includes('\n')) return `    ${field}: it is not the sign-in that was made here`
  return `    ${field}: ${shown(from)} → ${shown(to)}`
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
