const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/**
 * Sets a JSON text in lines of two spaces. It works on the text, so that numbers of any size, the order of members and even members
 * written twice stay as they were sent. Undefined for a text that is not JSON. Untrusted input.
 */
export function indentJson(text: string): string | undefined {
  const parts = tokensOf(text)
  if (parts === undefined) return undefined
  let depth = 0
  let result = ''
  const newLine = (): string => `\n${'  '.repeat(depth)}`
  for (const [index, part] of parts.entries()) {
    const opens = parts[index - 1] === '{' || parts[index - 1] === '['
    if (part === '}' || part === ']') {
      depth--
      result += opens ? part : newLine() + part
      continue
    }
    if (opens) result += newLine()
    if (part === '{' || part === '[') depth++
    result += part
    if (part === ',') result += newLine()
    if (part === ':') result += ' '
  }
  return result
}

/** The same JSON text in one line, without a space; undefined for a text that is not JSON. Untrusted input. */
export function compactJson(text: string): string | undefined {
  return tokensOf(text)?.join('')
}

function tokensOf(text: string): readonly string[] | undefined {
  try {
    JSON.parse(text)
  } catch {
    // The parser has no other way to say that a text is none; what to show instead is the caller's choice.
    return undefined
  }
  return text.match(tokens) ?? undefined
}
