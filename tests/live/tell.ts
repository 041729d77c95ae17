/** Tells how the preparation goes on, on standard error. */
export function tell(text: string): void {
  process.stderr.write(`test:live: ${text}\n`)
}

/** Something that the machine lacks, in words for whoever runs the tests. */
export class LiveError extends Error {}
