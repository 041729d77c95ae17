import { usageFailure } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'

const secretBytesMax = 64 * 1024

/** Reads standard input to its end. Throws a CommandFailure (usage) above `bytesMax`, or when it cannot be read. */
export async function readStdin({ stdin }: Pick<Surroundings, 'stdin'>, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer | string>) {
      // A stream without an encoding gives Buffers; one in a test may give texts.
      const piece = Buffer.from(chunk)
      bytes += piece.length
      if (bytes <= bytesMax) chunks.push(piece)
      else break
    }
  } catch (error) {
    throw usageFailure('standard input cannot be read', error)
  }
  if (bytes > bytesMax)
    throw usageFailure(`standard input has more than ${bytesMax} bytes, the most that is taken here`)
  return Buffer.concat(chunks)
}

/** Reads a secret from standard input, without one line end behind it. `option` asked for it. */
export async function readSecret(surroundings: Pick<Surroundings, 'stdin'>, option: string): Promise<string> {
  const text = (await readStdin(surroundings, secretBytesMax)).toString('utf8').replace(/\r?\n$/, '')
  if (text === '') throw usageFailure(`${option} found nothing on standard input`)
  if (/[\r\n]/.test(text)) throw usageFailure(`${option} found more than one line on standard input`)
  return text
}
