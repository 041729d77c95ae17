import { IncomingMessage } from 'node:http'

/**
 * A request like the given one, whose form is in memory already: oidc-provider would read a body itself, up to 56 KiB of it and
 * with every piece kept apart. It gets to see the fields that it needs, and none that says how the body was framed.
 */
export function requestWithForm(request: IncomingMessage, form: string): IncomingMessage {
  const read = new IncomingMessage(request.socket)
  const { authorization, cookie, host } = request.headers
  read.method = request.method ?? ''
  read.url = request.url ?? ''
  read.headers = {
    ...(host === undefined ? {} : { host }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(cookie === undefined ? {} : { cookie }),
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(Buffer.byteLength(form)),
  }
  // Node takes a message that is not complete when it ends for a broken one, and destroys its connection.
  read.complete = true
  read.push(form)
  read.push(null)
  return read
}
