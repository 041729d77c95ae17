import { createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request as startRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFileLog, type AuditEvent, type AuditLog } from '@pop-api/audit'
import {
  compileTrust,
  createNonceSource,
  createNonceStore,
  createWitCache,
  es256Seal,
  fieldPairs,
  mintTxnToken,
  mintWit,
  sealLimits,
  type AnswerHead,
  type BodySealer,
  type Ending,
  type FlatFields,
  type SealIdentity,
  type TxnClaims,
} from '@pop-api/protocol'
import { openBook, type ResourceBook } from './book/book.ts'
import { allowPlainLoopback, type ModuleContext } from './context.ts'
import type { ModuleDefinition } from './definition.ts'
import { watchRevoked } from './revoked.ts'
import { createModuleServer } from './server.ts'

// A gateway of the tests beside a served module: the same seal and the same tokens, over loopback HTTP.

const domain = 'pop.internal'
const control = `spiffe://${domain}/control/control-1`
export const gateway = `spiffe://${domain}/gateway/gateway-1`
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

function publicJwk(key: KeyObject) {
  const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' })
  return { kty: kty ?? '', crv: crv ?? '', x: x ?? '', y: y ?? '' }
}

/** One request of the test's gateway. Whatever is not said is right. */
export interface Call {
  readonly method: string
  readonly target: string
  /** `METHOD template`: what the Txn-Token says. */
  readonly operation: string
  readonly scope: string
  readonly subject?: string
  readonly json?: unknown
  /** A streamed body instead of `json`. */
  readonly upload?: UploadCall
  readonly claims?: (claims: TxnClaims) => TxnClaims
  readonly audience?: string
  readonly boot?: string
  readonly headers?: FlatFields
  /** Changes what is sent once it is sealed. */
  readonly tamper?: (sent: Sent) => Sent
}

/** A body in pieces, with an end that can be made wrong. */
export interface UploadCall {
  readonly pieces: readonly Buffer[]
  /** What the head says; undefined for nothing. */
  readonly lengthBytes?: number | undefined
  readonly ending?: Ending
  /** Changes the trailers; undefined breaks the connection off instead of ending the body. */
  readonly trailers?: (trailers: FlatFields) => FlatFields | undefined
  /** Changes the pieces after they were sealed. */
  readonly sent?: (pieces: readonly Buffer[]) => readonly Buffer[]
}

export interface Sent {
  readonly headers: FlatFields
  readonly body: Buffer | undefined
  readonly upload?: { readonly pieces: readonly Buffer[]; readonly trailers: FlatFields | undefined }
}

export interface Answered {
  readonly status: number
  readonly json: Readonly<Record<string, unknown>>
  readonly body: Buffer
  /** Whether the answer's seal verified, its end included, and was bound to this very request. */
  readonly sealed: boolean
  readonly sent: Sent
}

export interface TestWorld {
  readonly spiffeId: string
  readonly boot: string
  readonly book: ResourceBook
  readonly call: (call: Call) => Promise<Answered>
  readonly events: () => Promise<readonly AuditEvent[]>
  readonly faults: readonly unknown[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Serves a definition; the context can be changed where a test needs it. */
export async function startWorld(
  definition: ModuleDefinition,
  change: Partial<ModuleContext> = {},
): Promise<TestWorld> {
  const home = await mkdtemp(join(tmpdir(), 'pop-module-'))
  const audit: AuditLog = await openFileLog({ directory: join(home, 'audit') })
  const book = openBook(join(home, 'book.db'), Date.now)
  const spiffeId = `spiffe://${domain}/module/${definition.manifest.name}/1`
  const authority = createAuthority()
  const faults: unknown[] = []
  const moduleIdentity = authority.identityOf(spiffeId)
  const context: ModuleContext = {
    spiffeId,
    boot: randomBytes(16).toString('base64url'),
    trust: () => authority.trust,
    sealIdentity: () => moduleIdentity,
    peerOf: () => undefined,
    nowMs: Date.now,
    nextNonce: createNonceSource(randomBytes(16)),
    nonces: createNonceStore(1000),
    wits: createWitCache(16),
    revoked: watchRevoked(Date.now),
    audit,
    book,
    onFault: (fault) => faults.push(fault),
    [allowPlainLoopback]: true,
    ...change,
  }
  const server = createServer(createModuleServer(definition, context))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const call = createGateway(server, authority, definition.manifest.name, context)
  return {
    spiffeId,
    boot: context.boot,
    book,
    call,
    faults,
    events: () => Array.fromAsync(audit.read({})),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await audit[Symbol.asyncDispose]()
      book[Symbol.dispose]()
      await rm(home, { recursive: true })
    },
  }
}

/** Control and the keys of the mesh. */
function createAuthority() {
  const witIssuer = { kid: 'wit-1', privateKey: newKey() }
  const txnSigner = { kid: 'txn-1', privateKey: newKey() }
  const trust = compileTrust({
    domain,
    authorities: [],
    wit_issuers: [{ kid: 'wit-1', state: 'active', jwk: publicJwk(witIssuer.privateKey) }],
    txn_keys: [{ kid: 'txn-1', state: 'active', jwk: publicJwk(txnSigner.privateKey), owner: gateway }],
  })
  const identityOf = (sub: string): SealIdentity => {
    const privateKey = newKey()
    const iat = Math.floor(Date.now() / 1000) - 10
    const claims = { iss: control, sub, iat, exp: iat + 3600, jti: sub, publicKey: createPublicKey(privateKey) }
    return { wit: mintWit(claims, witIssuer), privateKey }
  }
  return { trust, identityOf, txnSigner }
}

function createGateway(
  server: Server,
  authority: ReturnType<typeof createAuthority>,
  module: string,
  context: ModuleContext,
): TestWorld['call'] {
  const gatewayIdentity = authority.identityOf(gateway)
  const nextNonce = createNonceSource(randomBytes(16))
  let requests = 0
  return async (wanted: Call): Promise<Answered> => {
    const requestId = `req-${++requests}`
    const body = wanted.json === undefined ? undefined : Buffer.from(JSON.stringify(wanted.json))
    const type = body === undefined ? [] : ['content-type', 'application/json']
    const sealed = es256Seal.sealRequest(
      {
        method: wanted.method,
        target: wanted.target,
        headers: [...type, ...(wanted.headers ?? [])],
        body: wanted.upload === undefined ? body : { stream: 'trailer', lengthBytes: wanted.upload.lengthBytes },
        txnToken: mintTxnToken(claimsOf(wanted, module, requestId), authority.txnSigner),
        requestId,
        audience: wanted.audience ?? context.spiffeId,
        boot: wanted.boot ?? context.boot,
      },
      gatewayIdentity,
      { nowMs: Date.now(), nonce: nextNonce() },
    )
    const sent = (wanted.tamper ?? ((same) => same))({
      headers: sealed.headers,
      body,
      ...uploadOf(wanted, sealed.sealer, nextNonce),
    })
    const answer = await exchange(server, wanted, sent)
    const head = es256Seal.verifyAnswerHead(
      { status: answer.status, rawHeaders: answer.rawHeaders },
      {
        trust: authority.trust,
        wits: createWitCache(1),
        limits: sealLimits,
        instance: context.spiffeId,
        peer: undefined,
        binding: sealed.binding,
        takesEvents: false,
        nowMs: Date.now(),
      },
    )
    const verified = head.ok && isVerified(head.value, answer)
    const isJson = String(answer.rawHeaders).includes('json')
    const json = isJson && answer.body.length > 0 ? JSON.parse(answer.body.toString('utf8')) : {}
    return { status: answer.status, json, body: answer.body, sealed: verified, sent }
  }
}

function uploadOf({ upload }: Call, sealer: BodySealer | undefined, nextNonce: () => string): Pick<Sent, 'upload'> {
  if (upload === undefined || sealer === undefined) return {}
  for (const piece of upload.pieces) sealer.add(piece)
  const trailers = sealer.end(upload.ending ?? 'complete', { nowMs: Date.now(), nonce: nextNonce() })
  const pieces = upload.sent?.(upload.pieces) ?? upload.pieces
  return { upload: { pieces, trailers: upload.trailers === undefined ? trailers : upload.trailers(trailers) } }
}

function isVerified(head: AnswerHead, { body, rawTrailers }: RawAnswer): boolean {
  if (head.stream === undefined) return es256Seal.verifyAnswerBody(head, body, rawTrailers).ok
  const verifier = es256Seal.verifyBody(head.stream, sealLimits)
  return verifier.add(body) === undefined && verifier.end(rawTrailers, Date.now()).ok
}

function claimsOf(wanted: Call, module: string, requestId: string): TxnClaims {
  const iat = Math.floor(Date.now() / 1000)
  const claims: TxnClaims = {
    iss: gateway,
    iat,
    exp: iat + 30,
    aud: domain,
    txn: `txn-${requestId}`,
    sub: wanted.subject ?? 'user:bob',
    scope: wanted.scope,
    req_wl: gateway,
    rctx: { req_ip: '192.0.2.7', name: (wanted.subject ?? 'user:bob').slice(5) },
    tctx: { module, operation: wanted.operation, target: wanted.target, roles: ['user'], decision: `dec-${requestId}` },
  }
  return wanted.claims?.(claims) ?? claims
}

interface RawAnswer {
  readonly status: number
  readonly rawHeaders: FlatFields
  readonly rawTrailers: FlatFields
  readonly body: Buffer
}

function exchange(server: Server, { method, target }: Call, { headers, body, upload }: Sent): Promise<RawAnswer> {
  // Listening on TCP, so the address is not a path.
  const { port } = server.address() as AddressInfo
  const length = body === undefined ? [] : ['content-length', String(body.length)]
  const framing = upload === undefined ? length : ['transfer-encoding', 'chunked']
  return new Promise((resolve, reject) => {
    const request = startRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path: target,
        agent: false,
        headers: ['host', 'module', ...headers, ...framing],
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            rawHeaders: response.rawHeaders,
            rawTrailers: response.rawTrailers,
            body: Buffer.concat(chunks),
          }),
        )
      },
    )
    request.on('error', reject)
    if (upload === undefined) {
      request.end(body)
      return
    }
    for (const piece of upload.pieces) request.write(piece)
    if (upload.trailers === undefined) {
      setTimeout(() => request.destroy(new Error('broken off')), 50)
      return
    }
    request.addTrailers(fieldPairs(upload.trailers))
    request.end()
  })
}
