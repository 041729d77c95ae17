import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BootFile, EnrolmentKind, ManifestDocument } from '@pop-api/protocol'
import { developmentSettings, gatewaySection, loadSettings, type GatewaySettings } from '@pop-api/settings'
import type { Bulletin } from '@pop-api/workload'
import { startControl, type ControlHandle, type ControlOptions } from './start-control.ts'

// A control plane of the tests in a home of its own, on ports that the system chose, and boot files of its children.

export const domain = 'pop.internal'
export const policy = { roles: { admin: ['create_resource'] }, module_permissions: {}, grants: {} }

/** The development settings with this audit level, and without test tokens unless they are wanted. */
export function settingsWith(level: 'full' | 'basic', change: Partial<GatewaySettings['mode']> = {}): GatewaySettings {
  const loaded = loadSettings(developmentSettings)
  if (!loaded.ok) throw new Error('The development settings do not load.')
  const section = gatewaySection(loaded.settings, { issuer: 'https://localhost:8444/realms/pop' })
  return { ...section, mode: { ...section.mode, allow_test_tokens: false, audit_level: level, ...change } }
}

/** The audit level that a follower knows of. */
export function auditLevelOf(bulletin: Bulletin): unknown {
  return Reflect.get(Object(bulletin.section('settings')?.['mode']), 'audit_level')
}

/** A manifest with one operation. */
export function manifestOf(name: string, base: string, role = 'view_own_resources'): ManifestDocument {
  return {
    openapi: '3.1.0',
    info: { title: name, version: '1' },
    'x-pop-module': { name, base, permissions: [`${name}.consume`] },
    paths: {
      '/status': {
        get: { operationId: 'status', 'x-pop-requires': { role, module: `${name}.consume` }, responses: {} },
      },
    },
  }
}

export interface TestControl {
  readonly handle: () => ControlHandle
  readonly home: string
  /** Stops and starts again on the same home and the same ports. */
  readonly restart: (change?: Partial<ControlOptions>) => Promise<void>
  readonly stop: () => Promise<void>
  /** Boot file of a child with a home of its own below the test's folder, and a token. */
  readonly boot: (name: string, kind: EnrolmentKind, change?: Partial<BootFile>) => Promise<BootFile>
  readonly faults: readonly unknown[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export async function startTestControl(change: Partial<ControlOptions> = {}): Promise<TestControl> {
  const folder = await mkdtemp(join(tmpdir(), 'pop-control-'))
  const home = join(folder, 'control')
  const faults: unknown[] = []
  const anyPort = { host: '127.0.0.1', port: 0 }
  const options: ControlOptions = {
    home,
    listen: { control: anyPort, admin: anyPort },
    domain,
    name: 'control-1',
    environment: 'development',
    policy,
    settings: settingsWith('full'),
    approveAutomatically: true,
    onFault: (fault) => faults.push(fault),
    ...change,
  }
  let control: ControlHandle | undefined = await startControl(options)
  const ports = { control: portOf(control.control), admin: portOf(control.admin) }
  const handle = (): ControlHandle => {
    if (control === undefined) throw new Error('This control is stopped.')
    return control
  }
  const stop = async (): Promise<void> => {
    await control?.[Symbol.asyncDispose]()
    control = undefined
  }
  return {
    handle,
    home,
    faults,
    stop,
    restart: async (changed = {}) => {
      await stop()
      control = await startControl({ ...options, listen: ports, ...changed })
    },
    boot: async (name, kind, changed = {}) => {
      const childHome = join(folder, `${name}-${randomBytes(4).toString('hex')}`)
      await mkdir(childHome, { mode: 0o700 })
      const { admin, rootSpkiSha256, issueToken } = handle()
      const token = issueToken({ name, kind })
      return {
        name,
        home: childHome,
        listen: {},
        admin,
        token,
        anchor: { root_spki_sha256: rootSpkiSha256 },
        ...changed,
      }
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      await rm(folder, { recursive: true })
    },
  }
}

function portOf(url: string): { readonly host: string; readonly port: number } {
  return { host: '127.0.0.1', port: Number(new URL(url).port) }
}
