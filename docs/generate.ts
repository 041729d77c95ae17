import { mkdirSync, writeFileSync } from 'node:fs'
import { commandHelps } from '@pop-api/cli'
import { problemCatalogue, type ProblemKind } from '@pop-api/protocol'
import { settingsReference } from '@pop-api/settings'

// Writes docs/reference from the catalogues that the programs use: `npm run docs`. tests/docs.test.ts compares.

/** The reference pages, by their names in docs/reference. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['commands.md', commandsPage()],
    ['problems.md', problemsPage()],
    ['settings.md', settingsPage()],
  ])
}

const generated = 'Made by `npm run docs`; change the source, not this page.'

function commandsPage(): string {
  const sections = commandHelps().flatMap(({ name, help }) => [`## ${name}`, '', '```', help, '```', ''])
  return page('Commands', ['`pop` runs as `npx pop` inside the checkout.', '', ...sections.slice(0, -1)])
}

function problemsPage(): string {
  const kinds: readonly (readonly [string, ProblemKind])[] = Object.entries(problemCatalogue)
  const rows = kinds.map(([code, { status, title, advice }]) => `| \`${code}\` | ${status} | ${title} | ${advice} |`)
  return page('Problems', [
    'Every refusal is a problem document (RFC 9457) with `type` `https://pop-api.dev/problems/CODE` (a name, not an address to',
    'fetch), `title`, `status`, `code`, `detail`, `request_id` and, where the policy decided, `decision`. Codes that begin with',
    '`seal-` are spoken between gateway and modules and reach no client.',
    '',
    '| code | status | what it says | what to do |',
    '| --- | --- | --- | --- |',
    ...rows,
  ])
}

function settingsPage(): string {
  const rows = settingsReference().map(({ key, type, byDefault, description, isLive }) => {
    const preset = byDefault === undefined ? '–' : `\`${byDefault}\``
    return `| \`${key}\` | ${type} | ${preset} | ${isLive ? 'yes' : ''} | ${description} |`
  })
  return page('Settings', [
    'The keys of `pop.yaml`. An unknown key is an error with its line; `pop config check` shows every fault at once, and which keys',
    'have no effect yet. A `*` stands for a name of yours. What is live can be changed while everything runs, by',
    '`PATCH /v1/pop/settings`; every other key by a change of `pop.yaml` and a new start.',
    '',
    '| key | value | default | live | effect |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ])
}

function page(title: string, lines: readonly string[]): string {
  return [`# ${title}`, '', generated, '', ...lines, ''].join('\n')
}

if (import.meta.main) {
  const folder = new URL('reference/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of referencePages()) writeFileSync(new URL(name, folder), text)
}
