import type { Readable } from 'node:stream'
import { collectBody } from './collector.ts'

/**
 * Collects what a stream of bytes gives, up to its end. Undefined as soon as that is more than `bytesMax`: the stream then stands
 * still, and is its owner's to end. Rejects with what broke a stream before its end. By events: an async iterator takes a quarter of
 * the time of a bare proxied request more, for each body.
 */
export function collectStream(stream: Readable, bytesMax: number): Promise<Buffer | undefined> {
  const collector = collectBody(bytesMax)
  return new Promise((resolve, reject) => {
    // Nothing would come of it any more.
    if (stream.destroyed) {
      reject(stream.errored ?? brokenOff())
      return
    }
    const take = (piece: Buffer): void => {
      if (collector.add(piece)) return
      leave()
      stream.pause()
      resolve(undefined)
    }
    const end = (): void => {
      leave()
      resolve(collector.body())
    }
    const fail = (error: Error = brokenOff()): void => {
      leave()
      reject(error)
    }
    const close = (): void => fail()
    const leave = (): void => {
      stream.off('data', take).off('end', end).off('error', fail).off('close', close)
    }
    stream.on('data', take).on('end', end).on('error', fail).on('close', close)
  })
}

function brokenOff(): Error {
  return new Error('The stream closed before its end.')
}
