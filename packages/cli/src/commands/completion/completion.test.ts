import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { aroundPop } from '../try-pop.ts'

/** What bash offers for the last of these words. */
function offered(script: string, words: readonly string[]): readonly string[] {
  const list = words.map((word) => `'${word}'`).join(' ')
  const asked = `compopt() { echo "compopt $*"; }
${script}
COMP_WORDS=(pop ${list}); COMP_CWORD=${words.length}; _pop; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['--norc', '-c', asked], { encoding: 'utf8' }).split('\n').filter(Boolean)
}

test('pop completion bash completes commands, options and choices of the place', async () => {
  await using around = await aroundPop()
  const { code, stdout } = await around.pop(['completion', 'bash'])
  assert.equal(code, 0)
  assert.deepEqual(offered(stdout, ['log']), ['logs', 'login', 'logout'])
  assert.deepEqual(offered(stdout, ['token', '']).slice(0, 2), ['show', 'decode'])
  assert.deepEqual(offered(stdout, ['--home', 'x', 'token', 'sh']), ['show'])
  assert.deepEqual(offered(stdout, ['token', 'show', '--r']), ['--raw'])
  assert.deepEqual(offered(stdout, ['call', '--js']), ['--json'])
  assert.deepEqual(offered(stdout, ['completion', 'z']), ['zsh'])
  assert.deepEqual(offered(stdout, ['policy', '']).slice(0, 2), ['matrix', 'test'])
  assert.deepEqual(offered(stdout, ['config', 's']), ['show', 'schema'])
  assert.deepEqual(offered(stdout, ['logs', 'ga']), ['gateway'])
  assert.deepEqual(offered(stdout, ['policy', 'test', '--manifest', '']), ['compopt -o default'])
  assert.deepEqual(offered(stdout, ['policy', 'test', '']).includes('--config'), true)
  assert.deepEqual(offered(stdout, ['call', 'GET', '/x', '--out', '']), ['compopt -o default'])
  assert.deepEqual(offered(stdout, ['up', '--home', '']), ['compopt -o dirnames'])
  assert.deepEqual(offered(stdout, ['login', '--user', '']), [])
})

test('pop completion knows three shells and no other', async () => {
  await using around = await aroundPop()
  const zsh = (await around.pop(['completion', 'zsh'])).stdout
  assert.match(zsh, /^compdef _pop pop$/m)
  assert.match(zsh, /'show:who is signed in, and until when'/)
  const fish = (await around.pop(['completion', 'fish'])).stdout
  assert.match(fish, /^complete -c pop -n '.+' -l raw -d 'print the access token alone/m)
  const other = await around.pop(['completion', 'cmd'])
  assert.equal(other.code, 2)
  assert.match(other.stderr, /Allowed choices are bash, zsh, fish/)
})
