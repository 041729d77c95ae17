import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { keyIdOf } from '@pop-api/keyring'
import { signBulletin, type BulletinChange, type BulletinSnapshot } from '@pop-api/protocol'
import { joinGateway, meshServerOptions, type GatewayMembership } from '@pop-api/workload'
import { issueMesh } from '../authority/certificate.ts'
import { auditLevelOf, domain, startTestControl, type TestControl } from '../test-world.ts'

// A control that lies: its own certificate and bulletin key are the real ones, what it says is the test's.

interface Lie {
  readonly snapshot: string
  readonly changes?: readonly string[]
}

interface Told {
  readonly problems: readonly string[]
  readonly snapshotsAsked: () => number
}

async function keyOf(world: TestControl, name: string): Promise<KeyObject> {
  return createPrivateKey(await readFile(join(world.home, 'keys', `${name}.pem`)))
}

/** Lets a gateway follow the true control, then a lying one on the same port, until it has asked it twice. */
async function lieTo(
  makeLie: (gateway: GatewayMembership, say: (claims: BulletinSnapshot | BulletinChange) => string) => Lie,
  check: (gateway: GatewayMembership, told: Told) => void,
  spiffeId = `spiffe://${domain}/control/control-1`,
): Promise<void> {
  await using world = await startTestControl()
  const problems: string[] = []
  const onProblem = (problem: unknown): void => void problems.push(String(problem))
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'), { onProblem })
  const { port } = new URL(world.handle().control)
  await world.stop()
  const bulletinKey = await keyOf(world, 'bulletin')
  const signer = { kid: keyIdOf(bulletinKey), privateKey: bulletinKey }
  const lie = makeLie(gateway, (claims) => signBulletin(claims, signer))
  const [meshCa, meshKey] = [await keyOf(world, 'mesh-ca'), await keyOf(world, 'mesh')]
  const [root = ''] = gateway.mesh().roots
  const validity = { fromMs: Date.now() - 60_000, toMs: Date.now() + 60_000 }
  const authority = { certificate: root, privateKey: meshCa }
  const certificate = await issueMesh(authority, createPublicKey(meshKey), spiffeId, validity)
  const privateKey = meshKey.export({ type: 'pkcs8', format: 'pem' })
  const server = createServer(meshServerOptions({ mesh: () => ({ certificate, privateKey, roots: [root] }) }))
  const seen = { asked: 0, refused: 0 }
  server.on('tlsClientError', () => seen.refused++)
  server.on('request', (request, response) => {
    if (request.url === '/bulletin') {
      seen.asked++
      response.end(JSON.stringify({ jws: lie.snapshot }))
    } else if (request.method === 'POST') {
      response.writeHead(204).end()
    } else {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const jws of lie.changes ?? []) response.write(`data: ${jws}\n\n`)
    }
  })
  await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', resolve))
  problems.length = 0
  while (seen.asked < 2 && seen.refused === 0 && problems.length < 3) await delay(10)
  check(gateway, { problems, snapshotsAsked: () => seen.asked })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

function claimsAt(gateway: GatewayMembership, steps: number) {
  const { epoch, sequence } = gateway.bulletin.position()
  const at = sequence + steps
  return { aud: 'gateways', epoch, sequence: at, previous: at, issued: Date.now() + 1_000 }
}

const lies = { sections: { settings: { audit_level: 'none' } } }

test('a follower takes the lying control for the true one as long as it says what is next', async () => {
  await lieTo(
    (gateway, say) => ({ snapshot: say({ ...claimsAt(gateway, 1), ...lies }) }),
    (gateway) => assert.deepEqual(gateway.bulletin.section('settings'), { audit_level: 'none' }),
  )
})

const refusedSnapshots: readonly (readonly [string, (gateway: GatewayMembership) => BulletinSnapshot, RegExp])[] = [
  ['an older snapshot', (gateway) => ({ ...claimsAt(gateway, -1), ...lies }), /older bulletin/],
  ['a snapshot of a lower epoch', (gateway) => ({ ...claimsAt(gateway, 9), epoch: 0, ...lies }), /older bulletin/],
  [
    'the present position, said earlier',
    (gateway) => ({ ...claimsAt(gateway, 0), issued: 1, ...lies }),
    /older bulletin/,
  ],
  [
    'a snapshot for a module',
    (gateway) => ({ ...claimsAt(gateway, 1), aud: 'module:kafka', ...lies }),
    /another audience/,
  ],
]

for (const [name, claims, problem] of refusedSnapshots) {
  test(`a follower refuses ${name}`, async () => {
    await lieTo(
      (gateway, say) => ({ snapshot: say(claims(gateway)) }),
      (gateway, { problems }) => {
        assert(
          problems.some((text) => problem.test(text)),
          problems.join('\n'),
        )
        assert.equal(auditLevelOf(gateway.bulletin), 'full')
      },
    )
  })
}

const refusedChanges: readonly (readonly [
  string,
  (gateway: GatewayMembership) => BulletinChange,
  RegExp | undefined,
])[] = [
  [
    'a change of an earlier position',
    (gateway) => ({ ...claimsAt(gateway, 0), previous: 0, section: 'settings', value: { audit_level: 'none' } }),
    /older message/,
  ],
  [
    'an earlier heartbeat',
    (gateway) => ({ ...claimsAt(gateway, 1), issued: 1, section: 'heartbeat' }),
    /older message/,
  ],
  [
    'a change for another audience',
    (gateway) => ({ ...claimsAt(gateway, 2), aud: 'module:kafka', section: 'heartbeat' }),
    /another audience/,
  ],
  [
    'a change after one that it missed',
    (gateway) => ({
      ...claimsAt(gateway, 3),
      previous: claimsAt(gateway, 2).sequence,
      section: 'settings',
      value: { audit_level: 'none' },
    }),
    undefined,
  ],
]

for (const [name, change, problem] of refusedChanges) {
  test(`a follower does not apply ${name}, and asks for a snapshot`, async () => {
    await lieTo(
      (gateway, say) => ({
        snapshot: say({ ...claimsAt(gateway, 1), sections: { settings: { audit_level: 'basic' } } }),
        changes: [say(change(gateway))],
      }),
      (gateway, { problems, snapshotsAsked }) => {
        assert.deepEqual(gateway.bulletin.section('settings'), { audit_level: 'basic' })
        if (problem !== undefined)
          assert(
            problems.some((text) => problem.test(text)),
            problems.join('\n'),
          )
        assert(snapshotsAsked() >= 2)
      },
    )
  })
}

test('a follower says nothing to a member of the mesh that is not control', async () => {
  for (const spiffeId of [`spiffe://${domain}/gateway/gateway-1`, 'spiffe://other.internal/control/control-1']) {
    await lieTo(
      (gateway, say) => ({ snapshot: say({ ...claimsAt(gateway, 1), ...lies }) }),
      (gateway, { snapshotsAsked }) => {
        assert.equal(snapshotsAsked(), 0)
        assert.equal(auditLevelOf(gateway.bulletin), 'full')
      },
      spiffeId,
    )
  }
})

test('the certificates of this file are those of the mesh', async () => {
  await using world = await startTestControl()
  await using gateway = await joinGateway(await world.boot('gateway-1', 'gateway'))
  const [root = ''] = gateway.mesh().roots
  assert(new X509Certificate(root).checkPrivateKey(await keyOf(world, 'mesh-ca')))
})
