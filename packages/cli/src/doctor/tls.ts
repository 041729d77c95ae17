import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { CommandFailure } from '../command-failure.ts'
import { errorCode } from '../up/own-file.ts'
import { fail, ok, skip, warn, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'
import { adviceOfHome, adviceOfProvider, type TlsAdvice } from './tls-advice.ts'

/** What a client sees of a TLS listener. */
export interface SeenTls {
  readonly protocol: string
  /** The group that was negotiated, such as `X25519MLKEM768`. */
  readonly group: string
  /** Undefined where the certificate verifies. */
  readonly fault: string | undefined
  /** End of the certificate, milliseconds since 1970. */
  readonly endsMs: number
  /** It also speaks TLS 1.2. */
  readonly takesOlder: boolean
}

const answerMsMax = 3_000
const hour = 3_600_000
const renewsBeforeMs = 24 * hour

/**
 * The public listeners of a run as a client sees them, or the one gateway that was asked about: certificate, protocol, and whether a
 * recorded session could be read later.
 */
export async function checkTls({
  run,
  roots,
  issuerRoots,
  remote,
  nowMs,
}: Pick<Patient, 'run' | 'roots' | 'issuerRoots' | 'remote' | 'nowMs'>): Promise<readonly Finding[]> {
  if (remote !== undefined)
    return await listenerFindings('gateway', remote.origin, remote.roots, adviceOfHome('gateway'), nowMs())
  if (run === undefined) return [skip('tls', 'nothing runs on this home')]
  const ofGateway = await listenerFindings('gateway', run.gateway, roots, adviceOfHome('gateway'), nowMs())
  const advice = run.processes['identity'] === undefined ? adviceOfProvider : adviceOfHome('identity')
  try {
    return [...ofGateway, ...(await listenerFindings('identity', run.issuer, await issuerRoots(), advice, nowMs()))]
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    // The check of the provider fails for it.
    return [...ofGateway, skip('tls', `identity ${run.issuer}: what its certificate comes from is not known`)]
  }
}

async function listenerFindings(
  name: string,
  address: string,
  roots: readonly string[],
  advice: TlsAdvice,
  nowMs: number,
): Promise<readonly Finding[]> {
  const { origin } = new URL(address)
  const seen = await seeTls(origin, roots)
  if ('why' in seen) return [fail('tls', `${name} ${origin}: ${seen.why}`, advice.away)]
  return judgeTls(`${name} ${origin}`, seen, nowMs, advice)
}

/** The findings for one listener. */
export function judgeTls(
  name: string,
  { protocol, group, fault, endsMs, takesOlder }: SeenTls,
  nowMs: number,
  advice: TlsAdvice,
): readonly Finding[] {
  const leftMs = endsMs - nowMs
  const left = leftMs < 48 * hour ? `${Math.floor(leftMs / hour)} hours` : `${Math.floor(leftMs / (24 * hour))} days`
  const findings: Finding[] = []
  if (leftMs <= 0) findings.push(fail('tls', `${name}: its certificate has ended`, advice.ended))
  else if (fault !== undefined)
    findings.push(fail('tls', `${name}: its certificate does not verify (${fault})`, advice.unverified))
  else if (leftMs < renewsBeforeMs) findings.push(warn('tls', `${name}: its certificate ends in ${left}`, advice.ended))
  if (protocol !== 'TLSv1.3') findings.push(fail('tls', `${name}: it speaks ${protocol}`, advice.older))
  else if (takesOlder) {
    const state = { fail, warn }[advice.olderIs]
    findings.push(state('tls', `${name}: it takes TLS 1.2 too`, advice.older))
  }
  if (!isPostQuantum(group))
    findings.push(warn('tls', `${name}: the group is ${group}, not a hybrid post-quantum one`, advice.group))
  return findings.length > 0
    ? findings
    : [ok('tls', `${name}: verifies for ${left}, TLS 1.3 only, ${group} (hybrid post-quantum)`)]
}

function isPostQuantum(group: string): boolean {
  return group.includes('MLKEM')
}

/** Connects twice: as we do, and as a client that has no TLS 1.3. */
export async function seeTls(origin: string, roots: readonly string[]): Promise<SeenTls | { readonly why: string }> {
  try {
    using present = await handshake(origin, roots, 'TLSv1.3')
    const { socket } = present
    const key = socket.getEphemeralKeyInfo()
    return {
      protocol: socket.getProtocol() ?? 'nothing',
      group: key !== null && 'name' in key && typeof key.name === 'string' ? key.name : 'unknown',
      fault: socket.authorized ? undefined : codeOf(socket.authorizationError),
      endsMs: Date.parse(socket.getPeerCertificate().valid_to),
      takesOlder: await takesOlder(origin, roots),
    }
  } catch (error) {
    if (errorCode(error) === 'ABORT_ERR') return { why: `no handshake within ${answerMsMax} ms` }
    return { why: error instanceof Error && error.message !== '' ? error.message : errorCode(error) }
  }
}

async function takesOlder(origin: string, roots: readonly string[]): Promise<boolean> {
  try {
    using _taken = await handshake(origin, roots, 'TLSv1.2')
    return true
  } catch {
    // A refusal is what is wanted; that the listener is there was seen just before.
    return false
  }
}

/** The handshake alone; that the certificate verifies is looked at, not demanded: nothing is sent. */
async function handshake(origin: string, roots: readonly string[], version: 'TLSv1.2' | 'TLSv1.3') {
  const { hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket: TLSSocket = connect({
    host,
    port: port === '' ? 443 : Number(port),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ca: [...roots],
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(answerMsMax) })
  } catch (error) {
    socket.destroy()
    throw error
  }
  return { socket, [Symbol.dispose]: () => void socket.destroy() }
}

function codeOf(error: unknown): string {
  return error instanceof Error ? errorCode(error) : String(error)
}
