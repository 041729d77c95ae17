/** What a proof found out; `met` says whether its target was reached. */
export interface Figures {
  readonly met: boolean
  readonly [name: string]: number | boolean | readonly string[]
}

/** Tells how a proof goes. Standard output is for its one line of figures. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}
