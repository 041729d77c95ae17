import { compilePolicy, withStandings, type Policy } from '@pop-api/policy'
import {
  compileTrust,
  type BulletinSections,
  type PolicySection,
  type SectionName,
  type Trust,
} from '@pop-api/protocol'
import { readGatewaySection, type GatewaySettings } from '@pop-api/settings'
import {
  compileGatewayRoutes,
  compileModules,
  noModules,
  type CompiledModules,
  type Routes,
} from './route/destination.ts'
import { createDecisions, type Decide } from './permit/decisions.ts'
import type { OpenOperation, OwnOperation } from './serve/operation.ts'

/** The bulletin as the stages use it, compiled once for each change. A section that does not compile leaves the last one in force. */
export interface Compiled {
  readonly trust: () => Trust
  readonly settings: () => GatewaySettings
  readonly policy: () => Policy
  /** Decides by that policy. */
  readonly decide: () => Decide
  readonly policySection: () => PolicySection
  readonly modules: () => CompiledModules
  readonly routes: () => Routes
  /** A number that grows with each change of any section. */
  readonly version: () => number
  /** Compiles a section anew; throws what is wrong with it. */
  readonly apply: (section: SectionName) => void
}

interface Source {
  readonly section: <S extends SectionName>(name: S) => BulletinSections[S] | undefined
}

/** Compiles the present bulletin. Throws for a section that is missing or does not compile; `failed` is told of modules left out. */
export function compileBulletin(
  bulletin: Source,
  ownOperations: () => readonly (OwnOperation | OpenOperation)[],
  failed: (failure: unknown) => void,
): Compiled {
  const present = <S extends SectionName>(name: S): BulletinSections[S] => {
    const section = bulletin.section(name)
    if (section === undefined) throw new Error(`The bulletin has no section ${name}.`)
    return section
  }
  let version = 0
  let trust = compileTrust(present('trust'))
  let settings = readGatewaySection(present('settings'))
  let policySection = present('policy')
  let modules = compileModules(present('modules'), noModules, failed)
  let policy = policyOf(policySection, settings, modules)
  let routes = compileGatewayRoutes(modules, ownOperations())
  let decide = createDecisions(policy)
  return {
    trust: () => trust,
    settings: () => settings,
    policy: () => policy,
    decide: () => decide,
    policySection: () => policySection,
    modules: () => modules,
    routes: () => routes,
    version: () => version,
    apply: (section) => {
      version++
      if (section === 'trust') trust = compileTrust(present('trust'))
      if (section === 'settings') settings = readGatewaySection(present('settings'))
      if (section === 'policy') policySection = present('policy')
      if (section === 'modules') {
        const next = compileModules(present('modules'), modules, failed)
        routes = compileGatewayRoutes(next, ownOperations())
        modules = next
      }
      // Standings are of the settings.
      if (section === 'policy' || section === 'settings' || section === 'modules') {
        policy = policyOf(policySection, settings, modules)
        decide = createDecisions(policy)
      }
    },
  }
}

function policyOf(section: PolicySection, { operators }: GatewaySettings, { manifests }: CompiledModules): Policy {
  return compilePolicy(
    withStandings(section, operators),
    manifests.flatMap(({ permissions }) => permissions),
  )
}
