import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { exchange } from '@pop-api/testkit'
import { makeHome, readJson, startUp } from './up-world.ts'

test('pop up opens the listener for client certificates where the settings want it, and says where', async () => {
  await using home = await makeHome()
  const config = join(home.folder, 'pop.yaml')
  await writeFile(config, `${developmentSettings}\nlisteners:\n  gateway_mtls: true\n`)
  await using up = startUp(home.path, ['--config', config, '--port-base', '0'])
  const ready = await up.isReady()
  const run = await readJson(join(home.path, 'run.json'))
  assert.equal(run['gatewayMtls'], ready['gatewayMtls'])
  assert.notEqual(run['gatewayMtls'], run['gateway'])
  const ca = await readFile(String(run['ca']), 'utf8')
  for (const listener of ['gateway', 'gatewayMtls']) {
    const path = '/.well-known/oauth-protected-resource'
    const { status, body } = await exchange({ method: 'GET', origin: String(run[listener]), path, ca })
    assert.deepEqual([status, body['tls_client_certificate_bound_access_tokens']], [200, true], listener)
  }
})
