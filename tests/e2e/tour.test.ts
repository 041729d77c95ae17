import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runTour } from './run-tour.ts'
import { startSupervised } from './supervised.ts'

test('the tour of the README does what it says', async () => {
  await using pop = await startSupervised()
  const output = await runTour('README.md', pop)
  assert.match(output, /"n":10/)
  assert.match(output, /"decision":"/)
  assert.match(output, /^identical$/m)
  assert.match(output, /^the same part$/m)
  for (const word of ['gateway', 'kafka_service', 'resource_creation', 'resource_deletion', 'sign_in'])
    assert.match(output, new RegExp(word))
})
