import { CommandFailure, exitCodes } from '../command-failure.ts'
import { errorCode } from '../up/own-file.ts'
import type { Gateway } from './gateway.ts'

/** Codes of OpenSSL and Node for a certificate that comes from nobody whom we trust. */
const untrusted = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused. Start it with `pop up`, or give another with --gateway',
  ENOTFOUND: 'there is no such host. Give another with --gateway',
  EAI_AGAIN: 'the name of the host cannot be looked up now. Try again, or give another with --gateway',
  ECONNRESET: 'it closed the connection before it had answered',
  EPIPE: 'it closed the connection while the request was on its way, as for a body that is too large',
  ETIMEDOUT: 'it did not accept the connection in time',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name. Give the name that it has with --gateway',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate does not hold yet. Check the clock of this machine',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it does not speak TLS 1.3',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it does not speak TLS 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS. Is this the port of the gateway?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS. Is this the port of the gateway?',
}

/** The failure (unreachable) of a request that nobody answered, or nobody who could prove to be the gateway. */
export function unreachable(gateway: Gateway, method: string, error: unknown): CommandFailure {
  const code = errorCode(error)
  const said = error instanceof Error ? error.message : String(error)
  const why = untrusted.includes(code)
    ? `its certificate does not come from ${gateway.rootsFrom}. Give its CA with --ca`
    : (words[code] ?? (said === '' ? code : said))
  // Once something was on its way, only a read may be tried again without looking first.
  const isOpen = ['ECONNRESET', 'EPIPE'].includes(code) && !['GET', 'HEAD', 'OPTIONS'].includes(method)
  const outcome = isOpen ? '. Whether the request had an effect is unknown: read before you try again' : ''
  const message = `nobody answers as ${gateway.name ?? 'the gateway'} at ${gateway.origin}: ${why}${outcome}`
  return new CommandFailure(exitCodes.unreachable, message, { cause: error })
}
