import type { JsonObject } from '@pop-api/protocol'
import type { KeptProcess } from './kept-process.ts'

/** What the supervisor asks of control over IPC (packages/control/bin/control.ts has the messages). */
export interface ControlDesk {
  /** A one-time enrolment token, once control serves. Rejects when control refuses, ends or says nothing for ten seconds. */
  readonly token: (name: string, kind: 'gateway' | 'module' | 'issuer', signal: AbortSignal) => Promise<string>
  /** Publishes the settings section. A control that is not there publishes it when it starts: it stands in its boot file. */
  readonly publishSettings: (value: JsonObject) => void
  /** Takes each message of control. */
  readonly take: (message: JsonObject) => void
}

const answerMsMax = 10_000

/** Makes the desk; `control` is asked for only when there is something to send. */
export function openControlDesk(control: () => KeptProcess): ControlDesk {
  const waiting = new Map<number, (message: JsonObject) => void>()
  let lastId = 0
  const ask = async (question: JsonObject, signal: AbortSignal): Promise<JsonObject> => {
    const id = ++lastId
    const answered = Promise.withResolvers<JsonObject>()
    const late = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)])
    const end = (): void => answered.reject(new Error('control did not answer', { cause: late.reason }))
    late.addEventListener('abort', end)
    waiting.set(id, answered.resolve)
    try {
      if (!control().send({ ...question, id })) throw new Error('control is not there')
      return await answered.promise
    } finally {
      waiting.delete(id)
      late.removeEventListener('abort', end)
    }
  }
  return {
    token: async (name, kind, signal) => {
      await control().whenServing(signal)
      const { token, error } = await ask({ type: 'token', name, kind }, signal)
      if (typeof token === 'string') return token
      throw new Error(`control gave no token for ${name}: ${typeof error === 'string' ? error : 'it did not say why'}`)
    },
    publishSettings: (value) => void control().send({ type: 'publish', section: 'settings', value }),
    take: (message) => {
      if (message['type'] === 'token' && typeof message['id'] === 'number') waiting.get(message['id'])?.(message)
    },
  }
}
