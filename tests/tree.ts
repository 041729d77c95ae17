import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The top folder of the repository, with a slash at its end. */
export const root = fileURLToPath(new URL('../', import.meta.url))

export interface Source {
  /** Relative to the top folder. */
  readonly path: string
  readonly text: string
}

/** Every TypeScript file that we wrote. A guard that reads none proves nothing: callers assert a plausible number. */
export function sources(): readonly Source[] {
  const patterns = [
    'packages/*/{src,bin}/**/*.ts',
    'modules/*/{src,bin}/**/*.ts',
    'tests/**/*.ts',
    'examples/**/*.ts',
    'vectors/*.ts',
    'docs/*.ts',
    'demo/*.ts',
  ]
  return globSync(patterns, { cwd: root })
    .sort()
    .map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') }))
}
