import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { printable } from '@pop-api/audit'
import { starterEnvironments, starterSettings, type StarterEnvironment } from '@pop-api/settings'
import { Command, Option } from 'commander'
import { usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { errorCode, writeOwnFile } from '../up/own-file.ts'
import { hasFlag } from '../up/words.ts'

const help = `
Exit codes: 0 the file was written, 2 it is there already or cannot be written.

Examples:
  pop init
  pop init --environment production deploy/pop.yaml
`

/** What to do with a file now; another one than `./pop.yaml` is found by nobody who does not name it. */
function nextStep(environment: StarterEnvironment, file: string): string {
  const isUsual = resolve(file) === resolve('pop.yaml')
  const named = printable(file)
  if (environment === 'development')
    return `Next: read it, then start with \`pop up${isUsual ? '' : ` --config ${named}`}\`.`
  const check = `pop config check${isUsual ? '' : ` ${named}`}`
  return `Next: set identity.issuer to your provider, and identity.client_secret; then \`${check}\`.`
}

/** `pop init`: a commented `pop.yaml` to begin with. */
export function initCommand({ out }: Surroundings): Command {
  return new Command('init')
    .summary('write a commented pop.yaml')
    .description(
      'Writes a pop.yaml with every key, its meaning and its default. It means the same as no file at all, until you change it; ' +
        'for production the identity provider has to be named.',
    )
    .argument('[file]', 'where to', 'pop.yaml')
    .addOption(new Option('--environment <name>', 'what it is for').choices(starterEnvironments).default('development'))
    .option('--force', 'write over a file that is there')
    .addHelpText('after', help)
    .action(async (file: string, { environment }: { environment: StarterEnvironment }, command: Command) => {
      const path = resolve(file)
      await write(path, starterSettings(environment), hasFlag(command, 'force'))
      if (hasFlag(command, 'json')) await writeJson({ file: path, environment }, out)
      else await out.writeLine(`Wrote ${printable(file)}, for ${environment}.\n${nextStep(environment, file)}`)
    })
}

/** Settings hold no secret, only where one lies: others may read them. */
const mode = 0o644

async function write(path: string, text: string, isForced: boolean): Promise<void> {
  try {
    if (isForced) return await writeOwnFile(path, text, mode)
    // `wx`: of two that write at once one wins, and nobody's file is lost between a look and a write.
    await using file = await open(path, 'wx', mode)
    await file.writeFile(text)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST')
      throw usageFailure(`${path} is there already: choose another name, or write over it with --force`, error)
    const why = code === 'ENOENT' ? 'its folder is not there' : code
    throw usageFailure(`${path} cannot be written (${why})`, error)
  }
}
