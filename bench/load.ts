import { connect, type TLSSocket } from 'node:tls'

export interface Target {
  readonly origin: string
  /** CA of the server, PEM. */
  readonly ca: string
  /** One whole request, sent again and again. */
  readonly request: string
  readonly connections: number
}

/** Keep-alive connections that each carry one request at a time. */
interface Line {
  readonly ask: () => Promise<void>
  readonly end: () => void
}

/**
 * Sends so many requests, each connection one after the other, as fast as they are answered. Rejects at the first answer that is
 * not 200: a figure of refusals would be no figure.
 */
export async function flood(target: Target, requests: number): Promise<void> {
  const lines = await open(target)
  let left = requests
  await Promise.all(
    lines.map(async (line) => {
      while (left-- > 0) await line.ask()
      line.end()
    }),
  )
}

/**
 * Sends at a fixed rate whatever the answers do, and gives the latency in milliseconds of each request, from the moment at which it
 * was due: a server that stalls is not asked less. Rejects at the first one that fails, as `flood` does.
 */
export async function pace(target: Target, perSecond: number, seconds: number): Promise<readonly number[]> {
  const idle = [...(await open(target))]
  const waiting: ((line: Line) => void)[] = []
  const take = (): Promise<Line> => {
    // In turn: one that rests too long is closed by its server.
    const line = idle.shift()
    return line === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(line)
  }
  const started = performance.now()
  const latencies: number[] = []
  const ask = async (dueMs: number): Promise<void> => {
    const line = await take()
    await line.ask()
    latencies.push(performance.now() - started - dueMs)
    const next = waiting.shift()
    if (next === undefined) idle.push(line)
    else next(line)
  }
  const failed = Promise.withResolvers<never>()
  const asked: Promise<void>[] = []
  const total = perSecond * seconds
  while (asked.length < total) {
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * perSecond))
    while (asked.length < due) asked.push(ask((asked.length / perSecond) * 1000).catch(failed.reject))
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 1)), failed.promise])
  }
  await Promise.race([Promise.all(asked), failed.promise])
  for (const line of idle) line.end()
  return latencies
}

function open(target: Target): Promise<readonly Line[]> {
  return Promise.all(Array.from({ length: target.connections }, () => openLine(target)))
}

async function openLine({ origin, ca, request }: Target): Promise<Line> {
  const { hostname: host, port } = new URL(origin)
  const bytes = Buffer.from(request, 'latin1')
  const socket = await connected(() => connect({ host, port: Number(port), ca }))
  socket.setNoDelay(true)
  let held = ''
  let answered: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  let ended: Error | undefined
  const fail = (error: Error): void => {
    ended ??= error
    answered?.reject(error)
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error(`The server hung up after: ${held.slice(0, 200)}`)))
  socket.on('data', (chunk: Buffer) => {
    held += chunk.toString('latin1')
    const head = held.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(held)?.[1] ?? 0)
    if (held.length < head + 4 + length) return
    if (!held.startsWith('HTTP/1.1 200 ')) fail(new Error(`The server answered: ${held.slice(0, 400)}`))
    held = ''
    answered?.resolve()
  })
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        answered = { resolve, reject }
        // Nothing comes of a connection that is gone: without this the run would wait for ever.
        if (ended !== undefined) reject(ended)
        else socket.write(bytes)
      }),
    end: () => {
      answered = undefined
      socket.end()
    },
  }
}

function connected(dial: () => TLSSocket): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = dial()
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
