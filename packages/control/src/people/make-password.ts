import { randomInt } from 'node:crypto'

/** Without those that look alike on paper. */
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789-_.+'
const kinds = [/[A-Z]/, /[a-z]/, /[0-9]/, /[-_.+]/]
const charactersUnlessMore = 20

/**
 * A random password for a first sign-in: 20 characters (118 bits), more where the settings want more, with a letter of either case, a
 * digit and a sign, which an administrator's policy may ask for.
 */
export function makePassword(charactersMin: number): string {
  const length = Math.max(charactersUnlessMore, charactersMin)
  for (;;) {
    const made = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('')
    // Thrown away whole: what is left is drawn evenly from those that fit.
    if (kinds.every((kind) => kind.test(made))) return made
  }
}
