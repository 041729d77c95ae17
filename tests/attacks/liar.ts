import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { manifestDigest, type BootFile, type SealIdentity } from '@pop-api/protocol'
import type { Pop } from '@pop-api/testkit'
import { joinModule, meshServerOptions, type ModuleMembership } from '@pop-api/workload'

const permissions = ['kafka.consume', 'kafka.create']

function manifestOf(name: string) {
  return {
    openapi: '3.1.0',
    info: { title: name, version: '1' },
    'x-pop-module': { name, base: `/v1/${name}`, permissions },
    paths: {
      '/thing': {
        get: { 'x-pop-requires': { role: 'create_resource', module: 'kafka.consume' }, responses: {} },
        post: { 'x-pop-requires': { role: 'create_resource', module: 'kafka.create' }, responses: {} },
        put: {
          'x-pop-requires': { role: 'create_resource', module: 'kafka.create' },
          'x-pop-stream': 'upload',
          requestBody: { content: { '*/*': { schema: {} } } },
          responses: {},
        },
      },
    },
  }
}

/** A module that enrolled like any other and answers `GET|POST|PUT /v1/liar/thing` with whatever a test wants. */
export interface Liar {
  readonly answerWith: (listener: RequestListener) => void
  readonly requests: () => number
  readonly identity: () => SealIdentity
  /** The identity of a second module of the mesh. */
  readonly otherIdentity: () => SealIdentity
  /** The second module itself. */
  readonly other: ModuleMembership
  /** Serves as another member of the mesh and gives the address. */
  readonly serveAs: (member: ModuleMembership, listener: RequestListener) => Promise<string>
  /** Tells control where the module is, and waits until the gateway has learnt it. */
  readonly report: (address: string) => Promise<void>
  /** Enrols a second instance of the liar under an address where nobody listens. */
  readonly enrolGone: () => Promise<void>
  /** The nonce of a request that arrived. */
  readonly nonceOf: (request: IncomingMessage) => string
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Enrols the liar, and another module beside it, in a system that runs. */
export async function enrolLiar(pop: Pop): Promise<Liar> {
  await using stack = new AsyncDisposableStack()
  const member = stack.use(await joinModule(bootOf(pop, 'liar'), manifestOf('liar')))
  const other = stack.use(await joinModule(bootOf(pop, 'other'), manifestOf('other')))
  const boot = randomBytes(16).toString('base64url')
  let requests = 0
  let listener: RequestListener = (_request, response) => response.destroy()
  const serveAs = async (workload: ModuleMembership, serve: RequestListener): Promise<string> => {
    const server = createServer(meshServerOptions(workload), serve)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    kept.defer(() => {
      server.closeAllConnections()
      server.close()
    })
    // A server that listens on TCP has an AddressInfo.
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const report = async (address: string): Promise<void> => {
    await member.reportInstance({ address, manifest_digest: manifestDigest(manifestOf('liar')), boot })
    const known = (): boolean =>
      pop.member.bulletin.section('modules')?.['liar']?.instances.some((instance) => instance.address === address) ===
      true
    while (!known()) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const kept = stack.move()
  const address = await serveAs(member, (request, response) => {
    requests++
    listener(request, response)
  })
  await report(address)
  return {
    answerWith: (next) => {
      listener = next
    },
    requests: () => requests,
    identity: () => identityOf(member),
    otherIdentity: () => identityOf(other),
    other,
    serveAs,
    report,
    enrolGone: async () => {
      const token = pop.control.issueToken({ name: 'liar', kind: 'module', instance: '2' })
      const gone = kept.use(await joinModule({ ...bootOf(pop, 'liar-2'), token }, manifestOf('liar')))
      const manifest_digest = manifestDigest(manifestOf('liar'))
      await gone.reportInstance({ address: 'https://127.0.0.1:1', manifest_digest, boot })
    },
    nonceOf: (request) => /;nonce="([^"]+)"/.exec(String(request.headers['signature-input']))?.[1] ?? '',
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function identityOf(workload: ModuleMembership): SealIdentity {
  const { wit, messageKey } = workload.credentials()
  return { wit, privateKey: messageKey }
}

function bootOf(pop: Pop, name: string): BootFile {
  return {
    name,
    home: join(pop.home, name),
    listen: {},
    admin: pop.control.admin,
    anchor: { root_spki_sha256: pop.control.rootSpkiSha256 },
    token: pop.control.issueToken({ name, kind: 'module' }),
  }
}
