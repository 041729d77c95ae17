import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { usageFailure } from '../command-failure.ts'
import { errorCode } from '../up/own-file.ts'

/**
 * Certificates in PEM; undefined where there is no such file. Throws a CommandFailure (usage) for one that cannot be read or holds
 * none. `next` is what to do then.
 */
export async function readCertificates(path: string, next: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    // Read once here: OpenSSL ignores what it cannot read, and the failure would show as one of the server.
    void new X509Certificate(text)
    return text
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    const why = /^E(?!RR_)/.test(errorCode(error)) ? `cannot be read (${errorCode(error)})` : 'holds no PEM certificate'
    throw usageFailure(`${path} ${why}: ${next}`, error)
  }
}
