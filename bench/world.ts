import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { manifestDigest, type BootFile } from '@pop-api/protocol'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type Pop } from '@pop-api/testkit'
import { joinModule, meshServerOptions } from '@pop-api/workload'
import { kafka } from '../tests/kafka.ts'
import { startMeasured, type Measured } from './child.ts'

/** What is compared, with the same answer of 400 bytes behind each. */
export interface Contender {
  readonly name: 'a' | 'b' | 'c' | 'd'
  readonly what: string
  readonly path: string
  readonly measured: Measured
  /** How much of the audit log is in force while it is measured. */
  readonly auditLevel: 'full' | 'basic'
}

export interface BenchWorld {
  readonly pop: Pop
  readonly token: string
  readonly contenders: readonly Contender[]
}

/** Limits that nobody meets: what is measured is the path. */
const limits = `limits:
  caller_rate: 1000000
  caller_burst: 1000000
  address_rate: 1000000
  address_burst: 1000000
  connections_per_address: 1000
`

const plainManifest = {
  openapi: '3.1.0',
  info: { title: 'plain', version: '1' },
  'x-pop-module': { name: 'plain', base: '/v1/plain', permissions: ['kafka.consume'] },
  paths: {
    '/thing': { get: { 'x-pop-requires': { role: 'create_resource', module: 'kafka.consume' }, responses: {} } },
  },
}

/** Starts a whole system, a module that seals nothing, and the four contenders, each alone on the first core. */
export async function openWorld(stack: AsyncDisposableStack): Promise<BenchWorld> {
  const pop = stack.use(await startPop({ modules: [kafka], settings: `${developmentSettings}${limits}` }))
  const token = await pop.token('bob')
  const body = await prepare(pop, token)
  const upstream = await openPlainModule(pop, body, stack)
  const gateway = (name: string, parts?: { readonly tokensMax: number }): Promise<Measured> =>
    startMeasured(
      'gateway.ts',
      { boot: bootOf(pop, name, 'gateway'), ...(parts === undefined ? {} : { parts }) },
      stack,
    )
  const { certificate, privateKey, roots } = pop.member.mesh()
  const shown = pop.member.publicIdentity()
  const bare = await startMeasured(
    'bare-proxy.ts',
    {
      server: { cert: shown.certificate, key: shown.privateKey, minVersion: 'TLSv1.3' },
      client: { cert: certificate, key: privateKey, ca: roots, minVersion: 'TLSv1.3' },
      upstream,
    },
    stack,
  )
  const plain = '/v1/plain/thing'
  const b = await gateway('bench-b', { tokensMax: 1024 })
  const c = await gateway('bench-c', { tokensMax: 0 })
  const d = await gateway('bench-d')
  return {
    pop,
    token,
    contenders: [
      { name: 'a', what: 'a bare node:https + undici proxy', path: plain, measured: bare, auditLevel: 'full' },
      { name: 'b', what: 'ours, unsealed, token cached', path: plain, measured: b, auditLevel: 'basic' },
      { name: 'c', what: 'ours, unsealed, token verified', path: plain, measured: c, auditLevel: 'basic' },
      { name: 'd', what: 'ours as shipped', path: '/v1/kafka/topics/bench', measured: d, auditLevel: 'full' },
    ],
  }
}

/** A topic whose description makes the answer about 400 bytes; gives that answer. */
async function prepare(pop: Pop, token: string): Promise<string> {
  const made = await pop.call(token, 'POST', '/v1/kafka/topics', {
    topic_name: 'bench',
    configs: { description: 'x'.repeat(200) },
  })
  const read = await pop.call(token, 'GET', '/v1/kafka/topics/bench')
  if (made.status !== 201 || read.status !== 200)
    throw new Error(`The topic was not made: ${JSON.stringify(made.body)}`)
  return JSON.stringify(read.body)
}

async function openPlainModule(pop: Pop, body: string, stack: AsyncDisposableStack): Promise<string> {
  const member = stack.use(await joinModule(bootOf(pop, 'plain', 'module'), plainManifest))
  const server = createServer(meshServerOptions(member), (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length) })
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on TCP has an AddressInfo.
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  await member.reportInstance({ address, manifest_digest: manifestDigest(plainManifest), boot: 'x'.repeat(22) })
  return address
}

function bootOf(pop: Pop, name: string, kind: 'gateway' | 'module'): BootFile {
  return {
    name,
    home: join(pop.home, name),
    listen: {},
    admin: pop.control.admin,
    anchor: { root_spki_sha256: pop.control.rootSpkiSha256 },
    token: pop.control.issueToken({ name, kind }),
  }
}
