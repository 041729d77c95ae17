import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { PopError } from '@pop-api/protocol'
import { lingerMs } from './linger.ts'
import { finishFields } from './refuse/security-fields.ts'
import { refuse } from './refuse/refuse.ts'

/** Answers a socket for which Node has made no response object, and closes it: after bytes we could not read, none is believed. */
export function answerSocket(socket: Duplex, error: PopError, requestId: string): void {
  const { status, fields, body } = refuse(error, requestId)
  const lines = finishFields([...fields, 'connection', 'close'], requestId)
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\n`
  for (let index = 0; index < lines.length; index += 2) head += `${lines[index]}: ${lines[index + 1]}\r\n`
  socket.end(`${head}\r\n${Buffer.from(body).toString('utf8')}`)
  socket.on('error', () => socket.destroy())
  // A client that goes on sending gets time to read why, and no more.
  setTimeout(() => socket.destroy(), lingerMs).unref()
}
