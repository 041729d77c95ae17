import { request as requestPlain, type IncomingHttpHeaders } from 'node:http'
import { request as requestTls } from 'node:https'
import { text } from 'node:stream/consumers'

/** An answer to a question of a check, or why there was none. */
export type Asked =
  | { readonly answered: true; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }
  | { readonly answered: false; readonly why: string }

const answerMsMax = 3_000
const bodyCharactersMax = 1024 * 1024

/** `GET` on a connection of its own, whose certificate must come from one of `roots`. Does not throw. */
export async function ask(url: URL, roots: readonly string[]): Promise<Asked> {
  const answer = Promise.withResolvers<Asked>()
  try {
    const options = { agent: false, signal: AbortSignal.timeout(answerMsMax) } as const
    const request =
      url.protocol === 'https:' ? requestTls(url, { ...options, ca: [...roots] }) : requestPlain(url, options)
    request.on('error', answer.reject)
    request.on('response', (response) => {
      let characters = 0
      response.on('data', (chunk: Buffer) => {
        characters += chunk.length
        if (characters > bodyCharactersMax)
          response.destroy(new Error(`it answers with more than ${bodyCharactersMax} bytes`))
      })
      text(response).then(
        (body) => answer.resolve({ answered: true, status: response.statusCode ?? 0, headers: response.headers, body }),
        answer.reject,
      )
    })
    request.end()
    return await answer.promise
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { answered: false, why: why.includes('aborted') ? `no answer within ${answerMsMax} ms` : why }
  }
}
