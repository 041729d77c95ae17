import { usageFailure } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { openPromptStreams } from './prompt-streams.ts'

/** True where a person sits: standard input and standard error are a terminal. Questions go to standard error. */
export function canAsk({ stdin, err }: Surroundings): boolean {
  return stdin.isTTY === true && err.isTerminal
}

/** Asks for a text, which may be empty unless it is required. Throws a CommandFailure (usage) when the person leaves. */
export async function askText(message: string, around: Surroundings, isRequired: boolean): Promise<string> {
  // Loaded here, so that no other command waits for it.
  const { text } = await import('@clack/prompts')
  using streams = openPromptStreams(around)
  const { input, output } = streams
  return given(await text({ message, input, output, ...(isRequired ? { validate: refuseEmpty } : {}) }))
}

/** Asks for a text that is not shown. Throws a CommandFailure (usage) when the person leaves. */
export async function askSecret(message: string, around: Surroundings): Promise<string> {
  const { password } = await import('@clack/prompts')
  using streams = openPromptStreams(around)
  const { input, output } = streams
  return given(await password({ message, input, output, validate: refuseEmpty }))
}

/** Asks for a yes; leaving is a no. */
export async function askYes(message: string, around: Surroundings): Promise<boolean> {
  const { confirm } = await import('@clack/prompts')
  using streams = openPromptStreams(around)
  const { input, output } = streams
  return (await confirm({ message, initialValue: false, input, output })) === true
}

function refuseEmpty(value: string | undefined): string | undefined {
  return value ? undefined : 'Nothing was typed.'
}

/** Ctrl-C, Ctrl-D and the end of the input give a symbol. */
function given(answer: string | symbol): string {
  if (typeof answer === 'string') return answer
  throw usageFailure('you left: nothing was sent')
}
