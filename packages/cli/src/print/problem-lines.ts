import { printable } from '@pop-api/audit'
import { isJsonObject, isProblemCode, problemCatalogue, type JsonObject } from '@pop-api/protocol'

const charactersMax = 1_000
const faultsMax = 20

/**
 * What a problem document says, below its title: detail, single faults, advice, ids. Only what is there and is text; every line is
 * printable. Untrusted input.
 */
export function problemLines(problem: JsonObject): readonly string[] {
  const { title, detail, code, request_id: requestId, decision } = problem
  const lines: string[] = []
  if (isText(detail) && detail !== title) lines.push(detail)
  const faults = faultsOf(problem['errors'], code)
  lines.push(...faults)
  const advice = adviceOf(problem['advice'], code)
  // The advice to look at the faults is followed already where they stand above.
  const isFollowed = faults.length > 0 && advice === problemCatalogue['body-invalid'].advice
  if (advice !== undefined && !isFollowed) lines.push(`Next: ${advice}`)
  if (isText(requestId)) lines.push(`Request: ${requestId}`)
  if (isText(decision)) lines.push(`Decision: ${decision}`)
  return lines.map((line) => printable(line.slice(0, charactersMax)))
}

/** `403 permission-denied: You may not do this`, of as much as is there. */
export function problemTitle(status: number, problem: JsonObject): string {
  const { title, code, error } = problem
  const name = isText(code) ? ` ${code}` : isText(error) ? ` ${error}` : ''
  const text = isText(title) ? `: ${title}` : isText(problem['detail']) ? `: ${problem['detail']}` : ''
  return printable(`${status}${name}${text}`.slice(0, charactersMax))
}

function adviceOf(sent: unknown, code: unknown): string | undefined {
  if (isText(sent)) return sent
  return isProblemCode(code) ? problemCatalogue[code].advice : undefined
}

/** The single faults, as `pointer: message`. Without a pointer a fault is about the whole body, or the parameter of the detail. */
function faultsOf(errors: unknown, code: unknown): readonly string[] {
  if (!Array.isArray(errors)) return []
  const faults = errors.slice(0, faultsMax).flatMap((fault: unknown) => {
    if (!isJsonObject(fault) || !isText(fault['message'])) return []
    const { pointer, message } = fault
    if (isText(pointer)) return [`  ${pointer}: ${message}`]
    return [code === 'body-invalid' ? `  (the body): ${message}` : `  ${message}`]
  })
  return errors.length > faultsMax ? [...faults, `  … and ${errors.length - faultsMax} more`] : faults
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
