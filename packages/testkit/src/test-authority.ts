import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MeshIdentity } from '@pop-api/workload'

/** A CA on disk, made by OpenSSL: an authority that shares no code with what it is to test. */
export interface TestAuthority {
  readonly caPem: string
  /** A certificate with exactly this subject alternative name, e.g. `URI:spiffe://…` or `DNS:localhost`. */
  readonly issue: (name: string, usage?: string, endsInDays?: number) => MeshIdentity
}

const ecKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export function makeAuthority(folder: string, name: string): TestAuthority {
  const path = (file: string): string => join(folder, `${name}-${file}`)
  openssl(
    'req',
    '-x509',
    ...ecKey,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-subj',
    `/CN=${name}`,
    '-days',
    '2',
  )
  return issuer(folder, name, { caPem: readFileSync(path('ca.pem'), 'utf8'), caKeyPath: path('ca.key') })
}

/** An authority whose key was stolen: issues what its owner would not. */
export function takeAuthority(
  folder: string,
  name: string,
  stolen: { caPem: string; caKeyPath: string },
): TestAuthority {
  writeFileSync(join(folder, `${name}-ca.pem`), stolen.caPem)
  return issuer(folder, name, stolen)
}

function issuer(
  folder: string,
  name: string,
  { caPem, caKeyPath }: { readonly caPem: string; readonly caKeyPath: string },
): TestAuthority {
  const path = (file: string): string => join(folder, `${name}-${file}`)
  let count = 0
  return {
    caPem,
    issue(subjectName, usage = 'serverAuth,clientAuth', endsInDays = 1) {
      const leaf = `${++count}`
      openssl(
        'req',
        '-new',
        ...ecKey,
        '-keyout',
        path(`${leaf}.key`),
        '-out',
        path(`${leaf}.csr`),
        '-subj',
        '/CN=nobody',
      )
      writeFileSync(path(`${leaf}.ext`), `subjectAltName=${subjectName}\nextendedKeyUsage=${usage}\n`)
      const signing = [
        '-CA',
        path('ca.pem'),
        '-CAkey',
        caKeyPath,
        '-days',
        String(endsInDays),
        '-extfile',
        path(`${leaf}.ext`),
      ]
      openssl('x509', '-req', '-in', path(`${leaf}.csr`), '-out', path(`${leaf}.pem`), ...signing)
      const certificate = readFileSync(path(`${leaf}.pem`), 'utf8')
      return { certificate, privateKey: readFileSync(path(`${leaf}.key`), 'utf8'), roots: [caPem] }
    },
  }
}

function openssl(...words: readonly string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}
