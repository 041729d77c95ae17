import { connect, type ConnectionOptions } from 'node:tls'

/** How long a server may be silent before what it said counts as all. */
const silenceMs = 300

export interface RawOptions extends ConnectionOptions {
  readonly host: string
  readonly port: number
}

/**
 * An attacker's client: sends bytes as they are over TLS and gives all that came back, as latin1, until the server closed or fell
 * silent. Rejects when there is no connection, also when the handshake fails.
 */
export function sendRaw(bytes: string | Buffer, options: RawOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(options, () => {
      socket.setTimeout(silenceMs, done)
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    })
    const done = (): void => {
      socket.destroy()
      resolve(Buffer.concat(chunks).toString('latin1'))
    }
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', done)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const cut = socket.authorized && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      if (cut) done()
      else reject(error)
    })
  })
}
