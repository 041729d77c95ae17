import { once } from 'node:events'
import { connect } from 'node:net'
import { errorCode } from '../up/own-file.ts'
import { fail, ok, skip, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

const answerMsMax = 2_000

/** Whether each module of the run listens, is approved, and is among those that the gateway forwards to. */
export async function checkModules({ run, bulletin }: Pick<Patient, 'run' | 'bulletin'>): Promise<readonly Finding[]> {
  if (run === undefined) return [skip('modules', 'nothing runs on this home')]
  return await Promise.all(
    Object.entries(run.modules).map(async ([name, address]) => {
      const why = await listenFault(address)
      if (why !== undefined)
        return fail('modules', `${name} does not listen at ${address} (${why})`, `See: pop logs ${name}`)
      const known = bulletin?.modules.find(({ manifest }) => manifest.name === name)
      if (known === undefined) {
        const remedy = 'See: pop logs control. Where modules are not approved by themselves, an operator has to'
        return fail('modules', `${name} listens, but is not approved: the gateway knows no manifest of it`, remedy)
      }
      if (!known.instances.some((instance) => instance.address === address)) {
        return fail(
          'modules',
          `${name} listens, but the gateway has no instance of it at ${address}`,
          `See: pop logs ${name}, pop logs control`,
        )
      }
      return ok('modules', `${name} listens at ${address}, approved, ${known.manifest.operations.length} operations`)
    }),
  )
}

async function listenFault(address: string): Promise<string | undefined> {
  const { hostname, port } = new URL(address)
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(answerMsMax) })
    return undefined
  } catch (error) {
    return errorCode(error) === 'ABORT_ERR' ? `no answer within ${answerMsMax} ms` : errorCode(error)
  } finally {
    socket.destroy()
  }
}
