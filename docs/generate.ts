import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { auditActions, auditFields, auditStates } from '@pop-api/audit'
import { commandHelps } from '@pop-api/cli'
import { latencyBuckets, metricCatalogue, type MetricKind } from '@pop-api/gateway'
import { problemCatalogue, type ProblemKind } from '@pop-api/protocol'
import { settingsReference } from '@pop-api/settings'
import { fillExamples } from './examples.ts'
import { readOpenApi } from './openapi.ts'

// Writes docs/reference from the catalogues that the programs use, and the examples of docs/specs from vectors/: `npm run docs`.
// tests/docs.test.ts compares.

/** The reference pages, by their names in docs/reference; beside them comes `openapi.json`, of a system that has to be started. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['audit-events.md', auditPage()],
    ['commands.md', commandsPage()],
    ['metrics.md', metricsPage()],
    ['problems.md', problemsPage()],
    ['settings.md', settingsPage()],
  ])
}

const generated = 'Made by `npm run docs`; change the source, not this page.'

function auditPage(): string {
  const fields = Object.entries(auditFields).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)
  const states = Object.entries(auditStates).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`)
  const actions = Object.entries(auditActions).map(([name, { by, meaning }]) => `| \`${name}\` | ${by} | ${meaning} |`)
  return page('Audit events', [
    'One event is one line of JSON. How to read them: [the guide](../guides/read-the-audit-log.md); how a line is written:',
    '[the specification](../specs/audit-event.md). The first seven fields are always there, the others where they say something.',
    '',
    '| field | what it says |',
    '| --- | --- |',
    ...fields,
    '',
    '## States',
    '',
    '| status | what it says |',
    '| --- | --- |',
    ...states,
    '',
    '## Actions',
    '',
    '| action | written by | what it is |',
    '| --- | --- | --- |',
    ...actions,
  ])
}

function commandsPage(): string {
  const sections = commandHelps().flatMap(({ name, help }) => [`## ${name}`, '', '```', help, '```', ''])
  return page('Commands', ['`pop` runs as `npx pop` inside the checkout.', '', ...sections.slice(0, -1)])
}

function metricsPage(): string {
  const kinds: readonly (readonly [string, MetricKind])[] = Object.entries(metricCatalogue)
  const rows = kinds.map(([name, { type, labels, help }]) => {
    const named = labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(' ')
    return `| \`${name}\` | ${type} | ${named} | ${help} |`
  })
  return page('Metrics', [
    'What `/metrics` of the operations listener says, in the text format of Prometheus. How to use it:',
    '[run it](../guides/operate.md#watch-it). Every label value comes from a list of ours, so no client can make a series; a status,',
    'or a code of a module, that nobody has defined is `other`. Times are in seconds.',
    '',
    '| metric | type | labels | what it says |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    `The buckets of the histogram end at ${latencyBuckets.join(', ')} seconds.`,
  ])
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
  writeFileSync(new URL('openapi.json', folder), await readOpenApi())
  for (const name of globSync('specs/*.md', { cwd: import.meta.dirname })) {
    const place = new URL(name, import.meta.url)
    writeFileSync(place, fillExamples(readFileSync(place, 'utf8')))
  }
}
