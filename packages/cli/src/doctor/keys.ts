import { createPrivateKey } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandFailure } from '../command-failure.ts'
import { errorCode, readOwnFile } from '../up/own-file.ts'
import { startOrder } from '../up/programs.ts'
import { fail, ok, skip, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

/** Keys of a module: of its own certificate, and of the seal of its answers. */
const ofModule = ['keys/mesh.pem', 'keys/message.pem']

const expected: Readonly<Record<string, readonly string[]>> = {
  control: ['admin', 'bulletin', 'enrolment', 'mesh', 'mesh-ca', 'public-ca', 'wit-issuer'].map(
    (name) => `keys/${name}.pem`,
  ),
  identity: ['keys/public.pem', 'signing-key.pem'],
  gateway: ['keys/mesh.pem', 'keys/message.pem', 'keys/public.pem', 'keys/txn.pem'],
}

/** Whether every process that has been there has its private keys, each readable by its owner alone. */
export async function checkKeys({ home }: Pick<Patient, 'home'>): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  let good = 0
  for (const name of startOrder) {
    // Keys are made when a process starts for the first time.
    if (!(await isFolder(join(home, name, 'keys')))) continue
    for (const file of expected[name] ?? ofModule) {
      const fault = await faultOf(join(home, name, file))
      if (fault === undefined) good++
      else findings.push(fail('keys', `${join(home, name, file)} ${fault.what}`, fault.remedy))
    }
  }
  if (findings.length > 0) return findings
  return good === 0
    ? [skip('keys', 'there are none yet: the first start makes them')]
    : [ok('keys', `${good} private keys, each its owner's alone`)]
}

const lost = 'Bring the home back from its copy; without one `pop reset` begins anew, with new keys and no data'
const exposed = 'Close it; if others could have read it, `pop reset` makes new keys, and nothing else does yet'

interface KeyFault {
  readonly what: string
  readonly remedy: string
}

async function faultOf(path: string): Promise<KeyFault | undefined> {
  try {
    const text = await readOwnFile(path)
    if (text === undefined) return { what: 'is missing', remedy: lost }
    void createPrivateKey(text)
    return undefined
  } catch (error) {
    // What OpenSSL says of a text that is no key may quote it: it is not told.
    if (!(error instanceof CommandFailure)) return { what: 'is no private key in PEM', remedy: lost }
    return { what: error.message.replace(`${path} `, ''), remedy: exposed }
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error))) return false
    throw error
  }
}
