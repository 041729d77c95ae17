import { Argument, Command } from 'commander'
import type { Surroundings } from '../../print/surroundings.ts'
import { completionTree } from './completion-tree.ts'
import { completionScript, shells, type Shell } from './shell-scripts.ts'

const examples = `
Examples:
  bash:  source <(pop completion bash)
  zsh:   source <(pop completion zsh)
  fish:  pop completion fish | source
`

/** `pop completion`: the script that lets a shell complete `pop`, made from the commands of `program` as they are. */
export function completionCommand(program: Command, { out }: Surroundings): Command {
  return new Command('completion')
    .summary('the completion script of a shell')
    .description('Writes the script that completes `pop` in a shell.')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText('after', examples)
    .action(async (shell: Shell) => await out.write(completionScript(shell, completionTree(program))))
}
