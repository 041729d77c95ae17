import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearWord } from './near-word.ts'

test('nearWord() gives the nearest of the words that are near, and none where none is', () => {
  const known = ['view_own_resources', 'view_any_resources', 'edit']
  assert.equal(nearWord('view_own_resource', known), 'view_own_resources')
  assert.equal(nearWord('view_eny_resources', known), 'view_any_resources')
  assert.equal(nearWord('edti', known), undefined)
  assert.equal(nearWord('edi', known), 'edit')
  assert.equal(nearWord('', known), undefined)
})
