import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { liveServers } from '@pop-api/testkit'
import { readTour } from '../../../demo/tour.ts'
import { makeHome } from '../../e2e/up-world.ts'
import { root } from '../../tree.ts'

test('the commands of "Use your own Keycloak" do what the guide says', async () => {
  const { server, ca, adminPassword } = liveServers().keycloak
  await using home = await makeHome()
  const page = readFileSync(`${root}docs/guides/use-your-own-keycloak.md`, 'utf8')
    .replaceAll('https://keycloak.example/realms/pop', `${server}/realms/guide-${crypto.randomUUID()}`)
    .replaceAll('/etc/pop/keycloak-ca.pem', ca)
  const blocks = readTour(page, { home: home.path, gateway: 'https://localhost:8443' })
  assert.ok(blocks.length >= 5)
  const commands = blocks.map((block) => block.text).join('\n')
  const shell = spawn('bash', ['--norc', '-eu', '-o', 'pipefail', '-c', commands], {
    cwd: root,
    env: { ...process.env, POP_HOME: home.path, KEYCLOAK_PASSWORD: adminPassword, npm_config_loglevel: 'error' },
  })
  const [output, faults] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  assert.equal(faults, '', output)
  const next = `pop realm apply --config ${home.path}/pop.yaml --admin-user admin`
  assert.match(output, new RegExp(`changes\\. To do all this: ${RegExp.escape(next)}$`, 'm'))
  assert.match(output, /changes\. Done\.$/m)
  assert.match(output, /^The realm is as the settings say\.$/m)
  assert.match(output, / +verifies +\d+ +\S.*\nWhat signs now: [\w-]{43} \(RS256\)\.$/m)
})
