/** Ends a hold. */
type Release = () => void

/**
 * Holds on resources within this process: many may share one, a creation or deletion has it alone. Without them a name could be
 * deleted and made anew by another between the admission of a request and its handler.
 */
export interface ResourceLocks {
  /** Resolves in the order of the calls for one key. The caller MUST call what it gets, once. */
  readonly hold: (key: string, mode: 'shared' | 'alone') => Promise<Release>
  readonly size: () => number
}

interface Line {
  readonly waiting: { readonly mode: 'shared' | 'alone'; readonly enter: () => void }[]
  shared: number
  alone: boolean
}

export function createResourceLocks(): ResourceLocks {
  const lines = new Map<string, Line>()
  return { hold, size: () => lines.size }

  function hold(key: string, mode: 'shared' | 'alone'): Promise<Release> {
    const line = lines.get(key) ?? { waiting: [], shared: 0, alone: false }
    lines.set(key, line)
    return new Promise((resolve) => {
      line.waiting.push({ mode, enter: () => resolve(() => leave(key, line, mode)) })
      advance(line)
    })
  }

  function leave(key: string, line: Line, mode: 'shared' | 'alone'): void {
    if (mode === 'alone') line.alone = false
    else line.shared--
    advance(line)
    if (line.shared === 0 && !line.alone) lines.delete(key)
  }
}

/** Lets in from the front of the line whoever fits beside those inside. */
function advance(line: Line): void {
  for (let first = line.waiting[0]; first !== undefined; first = line.waiting[0]) {
    if (line.alone || (first.mode === 'alone' && line.shared > 0)) return
    line.waiting.shift()
    if (first.mode === 'alone') line.alone = true
    else line.shared++
    first.enter()
  }
}
