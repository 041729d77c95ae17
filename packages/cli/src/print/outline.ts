import { isJsonObject } from '@pop-api/protocol'

/** Words that YAML reads as something else than a text. */
const special = /^(?:true|false|null|yes|no|on|off|~|[-+.0-9].*)$/i
const plain = /^[A-Za-z0-9_/][A-Za-z0-9_./@ -]*$/

/** A value in lines that are YAML as well: maps nested, lists of plain values in one line. */
export function outline(value: unknown): string {
  return `${linesOf(value, '').join('\n')}\n`
}

function linesOf(value: unknown, indent: string): string[] {
  if (!isJsonObject(value)) return [`${indent}${scalar(value)}`]
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .flatMap(([name, member]) => {
      const head = `${indent}${scalar(name)}:`
      if (isJsonObject(member) && Object.keys(member).length > 0) return [head, ...linesOf(member, `${indent}  `)]
      return [`${head} ${inline(member)}`]
    })
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  return isJsonObject(value) ? JSON.stringify(value) : scalar(value)
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  return plain.test(value) && !special.test(value) && !value.endsWith(' ') ? value : JSON.stringify(value)
}
