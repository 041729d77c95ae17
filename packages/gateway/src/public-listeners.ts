import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'
import { meshTls, type GatewayMembership } from '@pop-api/workload'
import { readClientCertificates } from './client-certificates.ts'
import { doorOptions, openDoor, type FrontDoor, type OpenDoor } from './front-door.ts'
import { closing, listening, type Listen } from './listening.ts'

export interface PublicListenersOptions {
  readonly listen: { readonly gateway: Listen; readonly gatewayMtls?: Listen }
  /** Whether there is to be a second listener, which asks for client certificates. */
  readonly asksCertificates: boolean
  readonly door: FrontDoor
}

/** The listeners for clients. */
export interface PublicListeners {
  /** `https://host:port` */
  readonly gateway: string
  readonly gatewayMtls: string | undefined
  /** Lets requests in flight finish, and be recorded. */
  readonly close: () => Promise<void>
}

interface Opened {
  readonly address: string
  readonly server: Server
  readonly door: OpenDoor
  readonly forget: () => void
}

/** How long requests in flight may take once the gateway is told to stop. */
const drainMs = 5_000
/** How long after that the ends of those that were cut off may take: they are still to be recorded. */
const quietMs = 2_000

/**
 * Opens the door on the listeners for clients: one that asks for no certificate, and, where wanted, one that does. They are two, for a
 * server asks everybody or nobody, and a browser that is asked shows a dialogue. Rejects when a port cannot be had.
 */
export async function openPublicListeners(
  member: GatewayMembership,
  { listen, asksCertificates, door }: PublicListenersOptions,
): Promise<PublicListeners> {
  if (asksCertificates && listen.gatewayMtls === undefined)
    throw new Error('The settings want listeners.gateway_mtls, and nobody said where: give listen.gatewayMtls.')
  const gateway = await open(member, door, listen.gateway, false)
  const opened = [gateway]
  const close = async (): Promise<void> => {
    await Promise.all(opened.map(closeOne))
  }
  try {
    if (asksCertificates && listen.gatewayMtls !== undefined)
      opened.push(await open(member, door, listen.gatewayMtls, true))
  } catch (error) {
    await close()
    throw error
  }
  return { gateway: gateway.address, gatewayMtls: opened[1]?.address, close }
}

async function open(member: GatewayMembership, door: FrontDoor, listen: Listen, asks: boolean): Promise<Opened> {
  const tls = (): ReturnType<typeof publicTls> => publicTls(member)
  const server = createServer({ ...doorOptions, ...tls(), ...(asks ? certificateTls : {}) })
  let address = ''
  const certificateOf = asks ? readClientCertificates() : (): undefined => undefined
  const opened = openDoor(server, { ...door, listener: { origin: () => address, certificateOf } })
  address = `https://${await listening(server, listen)}`.replace('//127.0.0.1:', '//localhost:')
  const renew = (): void => server.setSecureContext(asks ? { ...tls(), ...certificateTls } : tls())
  return { address, server, door: opened, forget: member.onRenew(renew) }
}

async function closeOne({ server, door, forget }: Opened): Promise<void> {
  await closing(server, drainMs)
  await Promise.race([door.quiet(), wait(quietMs, undefined, { ref: false })])
  forget()
}

/** TLS 1.3 towards clients, with the groups and suites of the mesh. */
export function publicTls(member: GatewayMembership) {
  const { certificate, privateKey } = member.publicIdentity()
  return { ...meshTls, cert: certificate, key: privateKey, handshakeTimeout: 10_000 }
}

/**
 * Any certificate will do, one that a client has made itself too: it proves a key, and the token says whose (RFC 8705 section 3).
 * Nothing is resumed, so that the key was proven on this very connection.
 */
const certificateTls = {
  requestCert: true,
  rejectUnauthorized: false,
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const
