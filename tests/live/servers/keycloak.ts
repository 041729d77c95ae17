import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { makeAuthority } from '@pop-api/testkit'
import { LiveError, tell } from '../tell.ts'
import { keycloakFolder } from './keycloak-files.ts'

/** A running Keycloak. */
export interface RunningKeycloak extends AsyncDisposable {
  /** `https://localhost:port` */
  readonly server: string
  /** File with the CA that its certificate comes from, PEM. */
  readonly ca: string
  readonly adminPassword: string
  /** The authority of the clients whose certificates it looks at. */
  readonly clientAuthority: { readonly ca: string; readonly key: string }
  /** Its process group: a signal to `-group` reaches all of it. */
  readonly group: number
}

const bootMsMax = 240_000
const stopMsMax = 15_000

/**
 * Starts Keycloak over TLS on loopback, with a database in memory: what tests make is gone with it. `folder` takes its certificate and
 * its log; `trusted` is a file with the CA that gateways of the tests have. It asks for client certificates and goes on without one;
 * from whoever shows one of an unknown authority it hangs up. Throws a LiveError where it does not come up.
 */
export async function startKeycloak(folder: string, trusted: string): Promise<RunningKeycloak> {
  const distribution = await keycloakFolder()
  const authority = makeAuthority(folder, 'keycloak')
  makeAuthority(folder, 'clients')
  const clientAuthority = { ca: join(folder, 'clients-ca.pem'), key: join(folder, 'clients-ca.key') }
  const { certificate, privateKey } = authority.issue('DNS:localhost', 'serverAuth')
  const [cert, key, ca] = [join(folder, 'keycloak.pem'), join(folder, 'keycloak.key'), join(folder, 'keycloak-ca.pem')]
  writeFileSync(cert, certificate)
  writeFileSync(key, privateKey, { mode: 0o600 })
  const [port, managementPort] = [await freePort(), await freePort()]
  const server = `https://localhost:${port}`
  const adminPassword = randomBytes(18).toString('base64url')
  const log = join(folder, 'keycloak.log')
  tell('starting Keycloak (12 s on a quiet machine, up to two minutes on a busy one)')
  const startedMs = performance.now()
  const child = spawn(
    'sh',
    [
      join(distribution, 'bin', 'kc.sh'),
      'start',
      '--optimized',
      '--cache=local',
      '--http-host=127.0.0.1',
      `--https-port=${port}`,
      `--https-certificate-file=${cert}`,
      `--https-certificate-key-file=${key}`,
      '--https-protocols=TLSv1.3',
      `--http-management-port=${managementPort}`,
      '--http-management-scheme=http',
      `--hostname=${server}`,
      `--truststore-paths=${trusted},${clientAuthority.ca}`,
    ],
    {
      // A group of its own: the script starts Java and would be signalled alone.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        JAVA_OPTS_KC_HEAP: '-Xms256m -Xmx768m',
        KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
        KC_BOOTSTRAP_ADMIN_PASSWORD: adminPassword,
      },
    },
  )
  const file = createWriteStream(log)
  child.stdout.pipe(file, { end: false })
  child.stderr.pipe(file, { end: false })
  const group = child.pid
  if (group === undefined) throw new LiveError('Keycloak could not be started.')
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(-group, 'SIGCONT')
      process.kill(-group, 'SIGTERM')
      await Promise.race([exited, pause(stopMsMax, undefined, { ref: false })])
    }
    killGroup(group)
    file.end()
  }
  const discovery = `${server}/realms/master/.well-known/openid-configuration`
  while (!(await answers(discovery, authority.caPem))) {
    const late = performance.now() - startedMs > bootMsMax
    if (late || child.exitCode !== null) {
      await stop()
      throw new LiveError(`Keycloak ${late ? 'did not come up in 240 s' : 'ended'}: see ${log}`)
    }
    await pause(250)
  }
  tell(`Keycloak is there after ${Math.round((performance.now() - startedMs) / 1000)} s`)
  return { server, ca, adminPassword, clientAuthority, group, [Symbol.asyncDispose]: stop }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // ESRCH: nothing of it is left, which is what was asked for.
  }
}

/** Whether this URL answers 200. */
async function answers(url: string, ca: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const asked = request(url, { ca, timeout: 2_000, agent: false }, (response) => {
    response.resume()
    resolve(response.statusCode === 200)
  })
  asked.on('error', () => resolve(false))
  asked.on('timeout', () => asked.destroy(new Error('no answer in 2 s')))
  asked.end()
  return promise
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new LiveError('There is no free port.')
  return address.port
}
