import { InvalidArgumentError, type Command } from 'commander'

type Headers = Readonly<Record<string, string | string[]>>

/** Fields that say where a message ends: the request is framed by what is sent. */
const framing = ['connection', 'content-length', 'expect', 'transfer-encoding', 'trailer', 'upgrade']

/** Adds one `--header NAME:VALUE` to those before it. Throws an InvalidArgumentError that says what is wrong with it. */
export function collectHeader(text: string, before: readonly string[] = []): readonly string[] {
  const { name, value } = splitHeader(text)
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    throw new InvalidArgumentError('Give NAME:VALUE, with a name as RFC 9110 section 5.1 has it.')
  }
  if (/[^\t\u0020-\u007e]/.test(value)) throw new InvalidArgumentError('A value has printable ASCII characters only.')
  if (framing.includes(name)) throw new InvalidArgumentError(`${name} is set by pop itself.`)
  return [...before, text]
}

/** The fields of all `--header` of a command, names in lower case; one that was given more than once is sent as often. */
export function headersOf(command: Command): Headers {
  const { header = [] } = command.opts<{ header?: readonly string[] }>()
  const headers: Record<string, string | string[]> = Object.create(null)
  for (const text of header) {
    const { name, value } = splitHeader(text)
    const present = headers[name]
    headers[name] = present === undefined ? value : [present, value].flat()
  }
  return headers
}

function splitHeader(text: string): { readonly name: string; readonly value: string } {
  const colon = text.indexOf(':')
  if (colon < 1) return { name: '', value: '' }
  return { name: text.slice(0, colon).toLowerCase(), value: text.slice(colon + 1).trim() }
}
