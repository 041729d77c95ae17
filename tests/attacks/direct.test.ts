import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request as startRequest } from 'node:https'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ConnectionOptions } from 'node:tls'
import { createNonceSource, es256Seal, mintTxnToken, type TxnClaims } from '@pop-api/protocol'
import type { MeshIdentity } from '@pop-api/workload'
import { makeAuthority, startPop, takeAuthority, type Pop, type TestAuthority } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

let pop: Pop
let stranger: TestAuthority
/** Control's mesh CA in the hands of a thief. */
let mesh: TestAuthority
const ids = {
  gateway: 'spiffe://pop.internal/gateway/gateway',
  kafka: 'spiffe://pop.internal/module/kafka_service/1',
}
const nextNonce = createNonceSource(randomBytes(16))

before(async () => {
  pop = await startPop({ modules: [kafka] })
  stranger = makeAuthority(pop.home, 'stranger')
  const [caPem = ''] = pop.member.mesh().roots
  mesh = takeAuthority(pop.home, 'stolen', { caPem, caKeyPath: join(pop.home, 'control/keys/mesh-ca.pem') })
  assert.equal(pop.member.spiffeId, ids.gateway)
  assert.equal(pop.module('kafka_service').spiffeId, ids.kafka)
})
after(async () => {
  await pop[Symbol.asyncDispose]()
})

interface Attack {
  readonly method?: string
  readonly target?: string
  readonly body?: string
  /** What is sent in place of the body that was sealed. */
  readonly sentBody?: string
  readonly claims?: Partial<TxnClaims>
  readonly context?: Partial<TxnClaims['tctx']>
  readonly audience?: string
  readonly boot?: string
  readonly atMs?: number
  readonly change?: (fields: string[]) => string[]
}

const topics = '/v1/kafka/topics'

function sealed(attack: Attack): { readonly fields: string[]; readonly requestId: string } {
  const {
    method = 'GET',
    target = topics,
    body,
    audience = ids.kafka,
    boot = pop.module('kafka_service').boot,
    atMs = Date.now(),
  } = attack
  const iat = Math.floor(Date.now() / 1000)
  const requestId = randomUUID()
  const txnToken = mintTxnToken(
    {
      iss: ids.gateway,
      iat,
      exp: iat + 30,
      aud: 'pop.internal',
      txn: randomUUID(),
      sub: 'user:mallory',
      scope: 'kafka.consume:own',
      req_wl: ids.gateway,
      rctx: { req_ip: '127.0.0.1' },
      tctx: {
        module: 'kafka_service',
        operation: `${method} /topics`,
        target,
        roles: ['user'],
        decision: 'd',
        ...attack.context,
      },
      ...attack.claims,
    },
    pop.member.txnSigner,
  )
  const { wit, messageKey: privateKey } = pop.member.credentials()
  const headers = body === undefined ? [] : ['content-type', 'application/json']
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const request = { method, target, headers, body: bytes, txnToken, requestId, audience, boot }
  const { headers: fields } = es256Seal.sealRequest(request, { wit, privateKey }, { nowMs: atMs, nonce: nextNonce() })
  return { fields: attack.change?.([...fields]) ?? [...fields], requestId }
}

async function send(
  attack: Attack,
  fields: readonly string[],
  member: MeshIdentity = pop.member.mesh(),
): Promise<{ status: number; code: unknown; headers: object }> {
  const { method = 'GET', target = topics, body } = attack
  const sent = attack.sentBody ?? body
  const url = new URL(pop.module('kafka_service').address)
  const tls: ConnectionOptions = {
    cert: member.certificate,
    key: member.privateKey,
    ca: [...member.roots],
    checkServerIdentity: () => undefined,
  }
  const length = sent === undefined ? [] : ['content-length', String(Buffer.byteLength(sent))]
  // A flat list of headers adds none: exactly these bytes are sent.
  const request = startRequest({
    host: url.hostname,
    port: url.port,
    method,
    path: target,
    agent: false,
    ...tls,
    headers: ['host', url.host, ...length, ...fields],
  })
  request.end(sent)
  const [response] = await once(request, 'response')
  const text = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>)).toString('utf8')
  return {
    status: response.statusCode,
    code: text === '' ? undefined : JSON.parse(text).code,
    headers: response.headers,
  }
}

test('the module takes what the gateway sealed: the attacks below differ from it in one thing each', async () => {
  const answer = await send({}, sealed({}).fields)
  assert.equal(answer.status, 200)
})

function without(name: string): (fields: string[]) => string[] {
  return (fields) => fields.filter((_, index) => fields[index - (index % 2)] !== name)
}

const create = { method: 'POST', body: '{"topic_name":"mine"}', claims: { scope: 'kafka.create:any' } } as const

const attacks: readonly (readonly [name: string, attack: Attack, code: string])[] = [
  ['no signature', { change: (fields) => without('signature')(without('signature-input')(fields)) }, 'seal-missing'],
  ['no transaction token', { change: without('txn-token') }, 'seal-uncovered'],
  ['a swapped body', { ...create, sentBody: '{"topic_name":"evil"}' }, 'seal-body'],
  ['a body that was not sealed', { ...create, change: without('content-digest') }, 'seal-malformed'],
  [
    'a body behind a seal without one',
    { method: 'POST', claims: { scope: 'kafka.create:any' }, sentBody: '{"topic_name":"evil"}' },
    'seal-body',
  ],
  ['a token for another operation', { context: { operation: 'POST /topics' } }, 'seal-txn'],
  ['a token for another target', { context: { target: '/v1/kafka/topics?limit=1' } }, 'seal-txn'],
  ['a token for another module', { context: { module: 's3_service' } }, 'seal-txn'],
  ['a token for another trust domain', { claims: { aud: 'other.internal' } }, 'seal-txn'],
  ['a token of another gateway', { claims: { iss: 'spiffe://pop.internal/gateway/gateway-2' } }, 'seal-txn'],
  ['a token made for another workload', { claims: { req_wl: ids.kafka } }, 'seal-identity'],
  ['a seal for another instance', { audience: 'spiffe://pop.internal/module/kafka_service/2' }, 'seal-audience'],
  ['a seal for an earlier start', { boot: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'retry-seal'],
  ['a seal of a minute ago', { atMs: Date.now() - 60_000 }, 'seal-expired'],
  ['a seal of a minute ahead', { atMs: Date.now() + 60_000 }, 'seal-expired'],
  ['a field that nobody sealed', { change: (fields) => [...fields, 'x-user', 'root'] }, 'seal-uncovered'],
  ['the client token beside it', { change: (fields) => [...fields, 'authorization', 'Bearer x'] }, 'seal-malformed'],
]

for (const [name, attack, code] of attacks) {
  test(`the module refuses ${name}, and records it`, async () => {
    const { fields } = sealed(attack)
    const before = (await pop.audit('kafka_service')).length
    const answer = await send(attack, fields)
    assert.equal(answer.code, code)
    assert.ok('signature' in answer.headers, 'a refusal is sealed too')
    const events = (await pop.audit('kafka_service')).slice(before)
    assert.deepEqual(
      events.map((event) => event.status),
      ['refused'],
    )
  })
}

test('the module refuses a seal that it has seen', async () => {
  const { fields } = sealed({})
  assert.equal((await send({}, fields)).status, 200)
  assert.equal((await send({}, fields)).code, 'seal-replayed')
})

test('the module refuses a seal over the certificate of another workload', async () => {
  const other = mesh.issue('URI:spiffe://pop.internal/module/s3_service/1')
  assert.equal((await send({}, sealed({}).fields, other)).code, 'seal-identity')
})

const strangers: readonly (readonly [string, () => MeshIdentity])[] = [
  [
    'a certificate of another authority',
    () => ({ ...stranger.issue(`URI:${ids.gateway}`), roots: pop.member.mesh().roots }),
  ],
  ['a certificate for servers only', () => mesh.issue(`URI:${ids.gateway}`, 'serverAuth')],
  ['no certificate', () => ({ certificate: '', privateKey: '', roots: pop.member.mesh().roots })],
]

for (const [name, member] of strangers) {
  test(`the module speaks to nobody with ${name}`, async () => {
    const { certificate, privateKey, roots } = member()
    const identity = certificate === '' ? { roots } : { certificate, privateKey, roots }
    // The cast leaves the credentials out where there are none, which the type does not allow for good reason.
    await assert.rejects(send({}, sealed({}).fields, identity as MeshIdentity))
  })
}

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
