import type { Command, Option } from 'commander'

/** A command as a shell completes it. */
export interface CompletedCommand {
  /** The words that lead to it, `pop` left out: `token show`; empty for `pop` itself. */
  readonly place: string
  readonly summary: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly CompletedOption[]
  /** Words that its first argument may be. */
  readonly choices: readonly string[]
}

export interface CompletedOption {
  /** `--json` */
  readonly long: string
  readonly short: string | undefined
  readonly description: string
  readonly value: 'none' | 'file' | 'folder' | 'text'
}

/** Every command of the tree with what may follow it, the options of `pop` itself included everywhere. */
export function completionTree(program: Command): readonly CompletedCommand[] {
  const global = [...program.options.filter(isShown).map(completedOption), helpOption]
  const walk = (command: Command, words: readonly string[]): readonly CompletedCommand[] => {
    const commands = command.createHelp().visibleCommands(command)
    const own = command === program ? [] : command.options.filter(isShown).map(completedOption)
    const seen = new Set(own.map(({ long }) => long))
    return [
      {
        place: words.join(' '),
        summary: firstLine(command.summary() || command.description()),
        commands: commands.map((child) => ({
          name: child.name(),
          summary: firstLine(child.summary() || child.description()),
        })),
        options: [...own, ...global.filter(({ long }) => !seen.has(long))],
        choices: command.registeredArguments[0]?.argChoices ?? [],
      },
      ...commands.flatMap((child) => walk(child, [...words, child.name()])),
    ]
  }
  return walk(program, [])
}

const helpOption: CompletedOption = { long: '--help', short: '-h', description: 'show help', value: 'none' }

function isShown({ hidden, long }: Option): boolean {
  return !hidden && long !== undefined
}

function completedOption({ long = '', short, description, flags, required, optional }: Option): CompletedOption {
  return { long, short, description: firstLine(description), value: required || optional ? kindOf(flags) : 'none' }
}

/** The value's name in the help says what it is. */
function kindOf(flags: string): CompletedOption['value'] {
  const name = /[<[]([a-z]+)/.exec(flags)?.[1]
  if (name === 'file') return 'file'
  return name === 'dir' ? 'folder' : 'text'
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}
