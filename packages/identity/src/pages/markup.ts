/** Text that may stand in a page as it is. Made by `markup`, and by a constant of ours. */
export interface Markup {
  readonly safeText: string
}

type Value = string | number | Markup | readonly Markup[] | undefined

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * HTML in which every value that is not markup itself is escaped, for text and for attributes in quotation marks alike; undefined
 * gives nothing. Values may be untrusted. (Under the usual name of such a tag, formatters would change the text.)
 */
export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  const safeText = parts.map((part, index) => part + safeTextOf(values[index])).join('')
  return { safeText }
}

function safeTextOf(value: Value): string {
  if (value === undefined) return ''
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (character) => entities[character] ?? '')
  return 'safeText' in value ? value.safeText : value.map(({ safeText }) => safeText).join('')
}
