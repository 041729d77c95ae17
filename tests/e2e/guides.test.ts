import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runTour } from './run-tour.ts'
import { startSupervised } from './supervised.ts'

test('the guide on the life of a request follows one through both logs, and one that was denied', async () => {
  await using pop = await startSupervised()
  const output = await runTour('docs/guides/what-happens-to-my-request.md', pop)
  const [byRequest = '', inWords = ''] = output.split(/^Passed:/m)
  assert.match(byRequest, / opened /)
  assert.match(byRequest, / gateway .+ success 201 /)
  assert.match(byRequest, / kafka_service .+ followed +success 201 /)
  // The transaction finds the same three events.
  const events = byRequest.split('\n').filter((line) => line.startsWith('{'))
  assert.equal(events.length, 3, byRequest)
  assert.equal(new Set(events.map((line) => JSON.parse(line).request_id)).size, 1)
  assert.match(inWords, /policy +allowed: /)
  assert.match(inWords, /^Denied by the policy: bob – DELETE /m)
  assert.match(inWords, /carries delete_resource/)
  assert.match(inWords, /ambiguous-target/)
})

test('the guide on calling the API uploads, downloads, goes on with a part, and asks only if', async () => {
  await using pop = await startSupervised()
  const output = await runTour('docs/guides/call-the-api.md', pop)
  assert.match(output, /"content_type":"image\/x-raw"/)
  assert.match(output, /"common_prefixes":\["2026\/"\]/)
  assert.match(output, /^content-length: 5000000\r?$/im)
  assert.match(output, /"code":"range-not-satisfiable"/)
})
