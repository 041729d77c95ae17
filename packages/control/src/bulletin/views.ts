import type { BulletinSections, SectionName } from '@pop-api/protocol'

/** Who reads: all gateways together, or one module. */
export type Audience = 'gateways' | `module:${string}`

/** The audiences that there are: a module has one from the moment that its entry is published. */
export function audiencesOf(sections: Partial<BulletinSections>): readonly Audience[] {
  return ['gateways', ...Object.keys(sections.modules ?? {}).map((name): Audience => `module:${name}`)]
}

/**
 * What an audience may see of a section; undefined for nothing. A module sees whom to trust and its own entry: not the policy, the
 * settings or the other modules, which a stolen one could use.
 */
export function viewOf(section: SectionName, sections: Partial<BulletinSections>, audience: Audience): unknown {
  if (audience === 'gateways' || section === 'trust') return sections[section]
  if (section !== 'modules') return undefined
  const name = audience.slice('module:'.length)
  const entry =
    sections.modules !== undefined && Object.hasOwn(sections.modules, name) ? sections.modules[name] : undefined
  return entry === undefined ? {} : { [name]: entry }
}
