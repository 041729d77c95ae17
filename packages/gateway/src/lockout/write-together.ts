/** Writes what comes while another write is under way together with the next, in the order of the calls. */
export function writeTogether<T>(write: (lines: readonly T[]) => Promise<void>): (line: T) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  let next: { readonly lines: T[]; readonly written: Promise<void> } | undefined
  return (line) => {
    if (next === undefined) {
      const lines: T[] = []
      const written = last.then(() => {
        next = undefined
        return write(lines)
      })
      // A failed write is the business of whoever asked for it; the next one begins all the same.
      last = written.catch(() => undefined)
      next = { lines, written }
    }
    next.lines.push(line)
    return next.written
  }
}
