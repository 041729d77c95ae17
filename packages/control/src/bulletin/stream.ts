import type { ServerResponse } from 'node:http'
import { PopError } from '@pop-api/protocol'
import type { Message, Publisher } from './bulletin.ts'
import type { Audience } from './views.ts'

/** A follower that reads so slowly that this much waits for it is cut off; it comes back with a snapshot. */
const waitingBytesMax = 32 * 1024 * 1024

/**
 * Streams a view as server-sent events until the follower leaves. The first event is a heartbeat: it tells a follower at once
 * whether it missed something since its snapshot. `requireReader` throws once the follower may read no more: it is cut off then, in
 * place of the next message, which is a second away at most.
 */
export function streamChanges(
  publisher: Publisher,
  audience: Audience,
  response: ServerResponse,
  requireReader: () => void,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const send = ({ id, jws }: Message): void => {
    if (response.destroyed) return
    if (response.writableLength > waitingBytesMax || !mayRead(requireReader)) response.destroy()
    else response.write(`id: ${id}\ndata: ${jws}\n\n`)
  }
  send(publisher.heartbeat(audience))
  const stop = publisher.listen(audience, send)
  response.on('close', stop)
}

function mayRead(requireReader: () => void): boolean {
  try {
    requireReader()
    return true
  } catch (error) {
    // Only a refusal ends one stream; a store that fails is a fault of the whole.
    if (error instanceof PopError) return false
    throw error
  }
}
