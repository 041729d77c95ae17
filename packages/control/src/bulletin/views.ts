import { hash } from 'node:crypto'
import type { BulletinChange, BulletinSections, IncidentsSection, SectionName, TrustSection } from '@pop-api/protocol'
import { readFact, requiredNumber, setFact, textOf, type Store } from '../store/store.ts'

/** `gateways`, or `module:<name>`: who gets the same view. */
export type Audience = 'gateways' | `module:${string}`

/** A change that somebody must be told of; without its time, which is set when it is signed. */
export type UnsentChange = Omit<BulletinChange, 'issued' | 'aud'> & {
  readonly aud: Audience
  readonly section: SectionName
}

/** What forbids is told first. */
const sectionOrder: readonly SectionName[] = ['incidents', 'trust', 'modules', 'policy', 'settings']

/** What one audience sees of a section: gateways all, a module trust, incidents and its own entry. Undefined for what it does not see. */
function projectSection(audience: Audience, section: SectionName, sections: Partial<BulletinSections>): unknown {
  if (audience === 'gateways') return sections[section]
  if (section === 'trust') return trustOfModules(sections.trust)
  if (section === 'incidents') return incidentsOfModules(sections.incidents)
  if (section !== 'modules') return undefined
  const name = audience.slice('module:'.length)
  const entry = sections.modules?.[name]
  return entry === undefined ? {} : { [name]: entry }
}

/** Only gateways take test tokens: a module sees that of a caller in the Txn-Token, and has no use for the key. */
function trustOfModules(trust: TrustSection | undefined): TrustSection | undefined {
  if (trust === undefined) return undefined
  const { test_keys: _forGateways, ...shared } = trust
  return shared
}

/** Who revoked something, and why, is for operators; whom somebody locks out, for gateways. */
function incidentsOfModules(incidents: IncidentsSection | undefined): IncidentsSection | undefined {
  return incidents && { revocations: incidents.revocations.map(({ account: _forOperators, ...rest }) => rest) }
}

/** The sections of one view. */
export function projectView(audience: Audience, sections: Partial<BulletinSections>): Partial<BulletinSections> {
  const pairs = sectionOrder.map((section) => [section, projectSection(audience, section, sections)] as const)
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
}

/** Everybody who has a view now. */
function audiencesOf(sections: Partial<BulletinSections>): readonly Audience[] {
  return ['gateways', ...Object.keys(sections.modules ?? {}).map((name) => `module:${name}` as const)]
}

/** The sequence of the last change of a view; 0 before the first. */
export function viewSequence({ database }: Store, audience: Audience): number {
  const row = database.prepare('select sequence from views where audience = ?').get(audience)
  return row === undefined ? 0 : requiredNumber(row['sequence'])
}

/** Epoch and sequence of the whole bulletin; (1, 0) before its first change. */
export function readPosition(store: Store): { readonly epoch: number; readonly sequence: number } {
  return { epoch: Number(readFact(store, 'epoch') ?? 1), sequence: Number(readFact(store, 'sequence') ?? 0) }
}

export function setPosition(store: Store, epoch: number, sequence: number): void {
  setFact(store, 'epoch', String(epoch))
  setFact(store, 'sequence', String(sequence))
}

/**
 * Compares every view with what was last said to it and counts what changed: one number for each section that changed for
 * anybody. Runs inside the transaction of the change itself, so that no change is without its number.
 */
export function countChanges(store: Store, sections: Partial<BulletinSections>): readonly UnsentChange[] {
  const { epoch, sequence: before } = readPosition(store)
  const changes: UnsentChange[] = []
  let sequence = before
  for (const section of sectionOrder) {
    const changed = audiencesOf(sections).filter((audience) => noteDigest(store, audience, section, sections))
    if (changed.length === 0) continue
    sequence++
    for (const aud of changed) {
      const previous = viewSequence(store, aud)
      const value = projectSection(aud, section, sections)
      // The value is the one of this section by construction; the pairing of the two cannot be seen by the type checker.
      changes.push({ aud, epoch, sequence, previous, section, value } as UnsentChange)
      store.database.prepare('insert or replace into views values (?, ?)').run(aud, sequence)
    }
  }
  if (sequence !== before) setPosition(store, epoch, sequence)
  return changes
}

/** True if the section is another for this audience than last time. */
function noteDigest(
  store: Store,
  audience: Audience,
  section: SectionName,
  sections: Partial<BulletinSections>,
): boolean {
  const value = projectSection(audience, section, sections)
  if (value === undefined) return false
  const digest = hash('sha256', JSON.stringify(value), 'base64url')
  const select = 'select digest from view_sections where audience = ? and section = ?'
  const last = textOf(store.database.prepare(select).get(audience, section)?.['digest'])
  if (last === digest) return false
  store.database.prepare('insert or replace into view_sections values (?, ?, ?)').run(audience, section, digest)
  return true
}
