import { usageFailure } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'

/** True where a person sits: standard input and standard error are a terminal. Questions go to standard error. */
export function canAsk({ stdin, err }: Surroundings): boolean {
  return stdin.isTTY === true && err.isTerminal
}

/** Asks for a text, which may be empty unless it is required. Throws a CommandFailure (usage) when the person leaves. */
export async function askText(message: string, { stdin, err }: Surroundings, isRequired: boolean): Promise<string> {
  // Loaded here, so that no other command waits for it.
  const { text } = await import('@clack/prompts')
  const validate = isRequired ? refuseEmpty : undefined
  const asked = { message, input: stdin, output: err.stream, ...(validate === undefined ? {} : { validate }) }
  return given(await text(asked))
}

/** Asks for a text that is not shown. Throws a CommandFailure (usage) when the person leaves. */
export async function askSecret(message: string, { stdin, err }: Surroundings): Promise<string> {
  const { password } = await import('@clack/prompts')
  return given(await password({ message, input: stdin, output: err.stream, validate: refuseEmpty }))
}

function refuseEmpty(value: string | undefined): string | undefined {
  return value ? undefined : 'Nothing was typed.'
}

/** Ctrl-C gives a symbol. */
function given(answer: string | symbol): string {
  if (typeof answer === 'string') return answer
  throw usageFailure('you left: nothing was sent')
}
