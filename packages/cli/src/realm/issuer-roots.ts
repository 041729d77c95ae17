import { resolve } from 'node:path'
import type { Settings } from '@pop-api/settings'
import { readCertificates } from '../client/certificates.ts'
import { usageFailure } from '../command-failure.ts'
import { issuerCaPath } from './realm-files.ts'

/**
 * What the certificate of a home's own identity provider comes from, PEM: `identity.ca` of the settings, or, where these are not
 * known, what `pop realm apply` kept of it in the home. Empty where it is what this machine trusts. Throws a CommandFailure (usage).
 */
export async function issuerRoots(home: string, settings?: Settings): Promise<readonly string[]> {
  const ca =
    settings === undefined
      ? await readCertificates(issuerCaPath(home), 'run `pop realm apply` again')
      : await readIssuerCa(settings)
  return ca === undefined ? [] : [ca]
}

/** The text of `identity.ca`; undefined where the settings name none. Throws a CommandFailure (usage). */
export async function readIssuerCa({ identity: { ca } }: Settings): Promise<string | undefined> {
  if (ca === undefined) return undefined
  const next = 'give the file with the CA of the identity provider in identity.ca'
  const text = await readCertificates(resolve(ca), next)
  if (text === undefined) throw usageFailure(`there is no file ${resolve(ca)}: ${next}`)
  return text
}
