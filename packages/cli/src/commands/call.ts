import { Command, InvalidArgumentError } from 'commander'
import { exchange } from '../client/exchange.ts'
import { findGateway } from '../client/gateway.ts'
import { presentSession } from '../client/present-session.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { openBody } from './call-body.ts'
import { collectHeader, headersOf } from './call-headers.ts'
import { showAnswer } from './show-answer.ts'

const examples = `
Examples:
  pop call GET /v1/kafka/topics
  pop call POST /v1/kafka/topics --data '{"topic_name": "orders"}'
  pop call POST /v1/kafka/topics --data @topic.json --include

The exit code is 0 below status 400, 1 from there on, 3 when nobody answers.
`

/** `pop call`: one request to the gateway, with the token that is kept. */
export function callCommand(around: Surroundings): Command {
  return new Command('call')
    .summary('call an operation')
    .description(
      'Sends one request and writes the body of the answer to standard output: JSON in lines on a terminal, else as it came. ' +
        'What was refused is explained on standard error.',
    )
    .argument('<method>', 'such as GET', parseMethod)
    .argument('<path>', 'path and query, sent exactly as given', parsePath)
    .option('--data <json>', 'body; @FILE reads a file, - standard input')
    .option('--file <file>', 'body of bytes from a file, - for standard input')
    .option('--out <file>', 'write the body of the answer to a file; only once it is whole, and below status 400')
    .option('--header <name:value>', 'a further field, also more than once', collectHeader)
    .option('--include', 'write status and fields of the answer before its body')
    .option('--anonymous', 'send no token')
    .addHelpText('after', examples)
    .action(async (method: string, path: string, _options: unknown, command: Command) => {
      const gateway = await findGateway(command, around.environment)
      const given = headersOf(command)
      await using body = await openBody(textOption(command, 'data'), textOption(command, 'file'), around)
      const type = body === undefined || !isMergePatch(method, path) ? {} : { 'content-type': mergePatch }
      const headers = { 'user-agent': 'pop', accept: '*/*', ...body?.headers, ...type, ...given }
      const isAnonymous = hasFlag(command, 'anonymous')
      if (!isAnonymous && given['authorization'] === undefined && given['x-api-key'] === undefined) {
        const { accessToken } = await presentSession(gateway, around.environment)
        Object.assign(headers, { authorization: `Bearer ${accessToken}` })
      }
      using answer = await exchange(gateway, {
        method,
        path,
        headers,
        ...(body === undefined ? {} : { body: body.content }),
      })
      await showAnswer(answer, gateway, around, {
        asJson: hasFlag(command, 'json'),
        isIncluded: hasFlag(command, 'include'),
        outFile: textOption(command, 'out'),
      })
    })
}

/** RFC 7396 section 4. */
const mergePatch = 'application/merge-patch+json'

/** The one operation whose JSON is a merge patch: nobody wants to say so each time. */
function isMergePatch(method: string, path: string): boolean {
  return method === 'PATCH' && path === '/v1/pop/settings'
}

function parseMethod(text: string): string {
  // CONNECT would ask for a tunnel, and the answer to it has no body.
  if (/^[A-Za-z][A-Za-z-]{0,31}$/.test(text) && text.toUpperCase() !== 'CONNECT') return text.toUpperCase()
  throw new InvalidArgumentError('Give a method such as GET or POST.')
}

function parsePath(text: string): string {
  if (!text.startsWith('/')) throw new InvalidArgumentError('Give a path that begins with "/", without the gateway.')
  if (/[\u0000-\u0020\u007f]/.test(text)) {
    throw new InvalidArgumentError('A path has no spaces and no control characters: write them as %20 and the like.')
  }
  return text
}
