import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { JsonObject } from '@pop-api/protocol'
import { openOutput } from '../print/output.ts'
import { changesOf, serviceClientsOf, showChanges, surplusOf } from './show-report.ts'

/** What is shown of a report, on a terminal with colours or in a file. */
async function shown(changes: readonly object[], isTTY = false): Promise<string> {
  const pieces: Buffer[] = []
  const sink = new Writable({
    write: (piece: Buffer, _encoding, done) => {
      pieces.push(piece)
      done()
    },
  })
  using out = openOutput(Object.assign(sink, { isTTY }), {})
  await showChanges({ changes }, out)
  return Buffer.concat(pieces).toString('utf8')
}

const change = (field: string, from: unknown, to: unknown): object => {
  return { verb: 'change', name: 'client pop-cli', fields: [{ field, ...(from === undefined ? {} : { from }), to }] }
}

const golden: readonly (readonly [string, readonly object[], string])[] = [
  ['nothing', [], ''],
  [
    'what is made and what goes, by their names alone',
    [
      { verb: 'create', name: 'role admin', fields: [{ field: 'attributes', to: {} }] },
      { verb: 'remove', name: 'client old', fields: [] },
    ],
    '+ role admin\n- client old\n',
  ],
  ['a number', [change('failureFactor', 500, 5)], '~ client pop-cli\n    failureFactor: 500 → 5\n'],
  ['a flag', [change('enabled', true, false)], '~ client pop-cli\n    enabled: true → false\n'],
  [
    'what was not there',
    [change('adminUrl', undefined, 'https://x')],
    '~ client pop-cli\n    adminUrl: nothing → https://x\n',
  ],
  ['a secret', [change('secret', '(hidden)', '(hidden)')], '~ client pop-cli\n    secret: (hidden) → (hidden)\n'],
  ['a list, by what comes and goes', [change('roles', ['a', 'b'], ['b', 'c'])], '~ client pop-cli\n    roles: +c -a\n'],
  [
    'a sign-in, which is no line',
    [change('steps', 'required x\nrequired y', 'required x\nrequired z')],
    '~ client pop-cli\n    steps: it is not the sign-in that was made here\n',
  ],
  ['a verb of a later version', [{ verb: 'mend', name: 'role x', fields: [] }], '? role x\n'],
]
for (const [name, changes, text] of golden) {
  test(`showChanges() shows ${name}`, async () => assert.equal(await shown(changes), text))
}

test('showChanges() lets no control character of a realm reach a terminal', async () => {
  const text = await shown([
    { verb: 'create', name: 'role \u001b[2Jx\r', fields: [] },
    change('displayName', '\u001b]0;gone\u0007', 'POP'),
  ])
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f]/)
})

test('showChanges() paints a line on a terminal, and none elsewhere', async () => {
  const made = [{ verb: 'create', name: 'role admin', fields: [] }]
  assert.equal(await shown(made, true), '\u001b[32m+ role admin\u001b[39m\n')
  assert.equal(await shown(made), '+ role admin\n')
})

const reports: readonly JsonObject[] = [{}, { changes: null, surplus: 'x', serviceClients: [] }]
for (const report of reports) {
  test(`a report that is ${JSON.stringify(report)} has nothing in it`, () =>
    assert.deepEqual([changesOf(report), surplusOf(report), serviceClientsOf(report)], [[], [], {}]))
}

test('surplusOf() and serviceClientsOf() give what the report says', () => {
  const report = { surplus: ['client old'], serviceClients: { reporter: 'r-1' } }
  assert.deepEqual([surplusOf(report), serviceClientsOf(report)], [['client old'], { reporter: 'r-1' }])
})
