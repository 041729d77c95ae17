import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiKeyBook } from './api-key-book.ts'

test('owner() knows the module of a key, until the key is replaced', () => {
  using book = openApiKeyBook(':memory:', 'development')
  const first = book.replace('kafka_service')
  const other = book.replace('s3_service')
  assert.equal(book.owner(first), 'kafka_service')
  assert.equal(book.owner(other), 's3_service')
  const second = book.replace('kafka_service')
  assert.equal(book.owner(second), 'kafka_service')
  assert.equal(book.owner(first), undefined)
})

test('owner() knows no key of another environment, with a typing error, or that is none', () => {
  using book = openApiKeyBook(':memory:', 'development')
  using production = openApiKeyBook(':memory:', 'production')
  const key = book.replace('kafka_service')
  assert.equal(production.owner(key), undefined)
  assert.equal(book.owner(`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`), undefined)
  assert.equal(book.owner(''), undefined)
  assert.equal(book.owner(`${key} `), undefined)
})
