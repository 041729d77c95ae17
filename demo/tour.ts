import { spawnSync } from 'node:child_process'

/** One block of the tour: the paragraph before it, and its shell text. */
export interface TourBlock {
  readonly says: string
  readonly text: string
}

/** What stands in place of the README's own home and address. */
export interface TourPlaces {
  readonly home: string
  /** `https://host:port` */
  readonly gateway: string
}

const fence = /^```(\S*)([^\n]*)\n(.*?)^```$/gms

/** The blocks of a page that are marked `sh tour`, in their order, for a system with these places. */
export function readTour(page: string, { home, gateway }: TourPlaces): readonly TourBlock[] {
  const blocks: TourBlock[] = []
  let end = 0
  for (const { 0: whole, 1: language, 2: marks = '', 3: text = '', index } of page.matchAll(fence)) {
    const before =
      page
        .slice(end, index)
        .trim()
        .split(/\n{2,}/)
        .at(-1) ?? ''
    end = index + whole.length
    if (language !== 'sh' || marks.trim() !== 'tour') continue
    const placed = text.replaceAll('.pop/', `${home}/`).replaceAll('https://localhost:8443', gateway)
    blocks.push({ says: before, text: placed })
  }
  return blocks
}

/** The status that each call of a text promises behind `#`, in its order. */
export function promisedStatuses(text: string): readonly string[] {
  return [...text.matchAll(/ # (\d{3})$/gm)].map(([, status = '']) => status)
}

/** The lines of an output that are a status and nothing else, in their order. */
export function shownStatuses(output: string): readonly string[] {
  return output.split('\n').filter((line) => /^\d{3}$/.test(line))
}

/** A shell text taken apart into its commands, each as long as bash says that it is. Throws an Error for an unfinished one. */
export function splitCommands(text: string): readonly string[] {
  const commands: string[] = []
  let lines: string[] = []
  for (const line of text.split('\n')) {
    if (lines.length === 0 && line.trim() === '') continue
    lines.push(line)
    if (!isWhole(lines.join('\n'))) continue
    commands.push(lines.join('\n'))
    lines = []
  }
  if (lines.length > 0) throw new Error(`The tour ends within a command: ${lines.join('\n')}`)
  return commands
}

function isWhole(text: string): boolean {
  const onlyComments = text.split('\n').every((line) => /^\s*(#|$)/.test(line))
  return !onlyComments && !text.endsWith('\\') && spawnSync('bash', ['-n', '-c', text]).status === 0
}
