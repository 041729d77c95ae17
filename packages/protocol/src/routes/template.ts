/** One segment of a path template: fixed text, `{name}` for one segment, `{name+}` for all that are left. */
export type TemplateSegment =
  | { readonly kind: 'fixed'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'rest'; readonly name: string }

const parameterShape = /^\{([A-Za-z_][A-Za-z0-9_]*)(\+?)\}$/
const fixedShape = /^[A-Za-z0-9\-._~]+$/

/**
 * Parses `/topics/{topic}` or `/objects/{key+}`. Undefined for a template that has a second spelling: dot or empty segments,
 * characters that would be percent-encoded, a parameter named twice, a rest that is not last. `/` is no segment at all.
 */
export function parseTemplate(template: string): readonly TemplateSegment[] | undefined {
  if (!template.startsWith('/')) return undefined
  if (template === '/') return []
  const segments: TemplateSegment[] = []
  const names = new Set<string>()
  for (const text of template.slice(1).split('/')) {
    if (segments.at(-1)?.kind === 'rest') return undefined
    const [, name, plus] = parameterShape.exec(text) ?? []
    if (name === undefined) {
      if (!fixedShape.test(text) || text === '.' || text === '..') return undefined
      segments.push({ kind: 'fixed', text })
      continue
    }
    if (names.has(name)) return undefined
    names.add(name)
    segments.push({ kind: plus === '+' ? 'rest' : 'parameter', name })
  }
  return segments
}
