import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startPop, type Pop } from '@pop-api/testkit'
import type { Page } from 'playwright-core'
import { totpCode } from '@pop-api/identity'
import { kafka } from '../../kafka.ts'
import { root } from '../../tree.ts'
import { openWindow, type Window } from '../servers/chromium.ts'

const stepMs = 30_000
const topics = '/v1/kafka/topics'

let pop: Pop
let folder: string
let window: Window
/** Base32, from the page at which the person sets up a second factor. */
let secret = ''
let usedStep = 0

before(async () => {
  pop = await startPop({ modules: [kafka], users: [{ username: 'nina', roles: ['user'], secondFactor: false }] })
  folder = mkdtempSync(join(tmpdir(), 'pop-browser-'))
  writeFileSync(join(folder, 'ca.pem'), `${pop.ca}\n${pop.issuerCa}`)
  window = await openWindow()
})

after(async () => {
  await window[Symbol.asyncDispose]()
  await pop[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** A code that was not used yet: each is good once. */
async function freshCode(): Promise<string> {
  while (Math.floor(Date.now() / stepMs) === usedStep) await pause(200)
  usedStep = Math.floor(Date.now() / stepMs)
  return totpCode(secret, Date.now())
}

function passwordOf(username: string): string {
  return pop.users.users.find((user) => user.username === username)?.password ?? ''
}

/** `pop login --browser`, which prints an address and waits for the browser to come back. */
async function beginLogin() {
  const words = ['--gateway', pop.gateway, '--ca', join(folder, 'ca.pem'), '--json', 'login', '--browser', '--no-open']
  const child = spawn(process.execPath, [...process.execArgv, join(root, 'packages/cli/bin/pop.ts'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CONFIG_HOME: folder },
  })
  const output = text(child.stdout)
  const exited = once(child, 'exit')
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece))
  let url: string | undefined
  while (url === undefined) {
    assert.equal(child.exitCode, null, said)
    await pause(20)
    url = /https:\/\/\S+/.exec(said)?.[0]
  }
  return {
    url,
    ended: async () => {
      await exited
      assert.equal(child.exitCode, 0, said)
      return JSON.parse(await output)
    },
  }
}

async function enterPassword(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: 'Username' }).fill('nina')
  await page.locator('#password').fill(passwordOf('nina'))
  await page.getByRole('button', { name: 'Sign In' }).click()
}

async function enterCode(page: Page): Promise<void> {
  await page.locator('#otp').fill(await freshCode())
  await page.getByRole('button', { name: 'Sign In' }).click()
}

/** The access token that `pop login` keeps. */
function keptToken(): string {
  const [file = ''] = globSync(join(folder, 'pop', '**', '*.json'))
  // Written by the command under test, whose own tests check its shape.
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly access_token: string }).access_token
}

test('the first sign-in in a browser sets up a second factor, and pop login has a token of both', async () => {
  const { page, picture } = window
  const login = await beginLogin()
  await page.goto(login.url)
  await picture('1-sign-in')
  await enterPassword(page)
  await page.locator('#totp').waitFor()
  await picture('2-enrolment')
  await page.locator('#mode-manual').click()
  secret = ((await page.locator('#kc-totp-secret-key').textContent()) ?? '').replaceAll(' ', '')
  assert.match(secret, /^[A-Z2-7]{16,}$/)
  await picture('3-enrolment-by-hand')
  usedStep = Math.floor(Date.now() / stepMs)
  await page.locator('#totp').fill(totpCode(secret, Date.now()))
  await page.getByRole('button', { name: 'Submit' }).click()
  await page.getByText('You may close this window').waitFor()
  await picture('4-signed-in')
  const { user, roles } = await login.ended()
  assert.deepEqual([user, roles], ['nina', ['user']])
  assert.equal((await pop.call(keptToken(), 'GET', topics)).status, 200)
})

test('the same browser signs in again without being asked, and without it password and code are asked for', async () => {
  const { page } = window
  const again = await beginLogin()
  await page.goto(again.url)
  await page.getByText('You may close this window').waitFor()
  assert.equal((await again.ended()).user, 'nina')
  await using fresh = await openWindow()
  const login = await beginLogin()
  await fresh.page.goto(login.url)
  await enterPassword(fresh.page)
  await fresh.page.locator('#otp').waitFor()
  await fresh.picture('5-second-sign-in')
  await enterCode(fresh.page)
  await fresh.page.getByText('You may close this window').waitFor()
  assert.equal((await login.ended()).user, 'nina')
})

test('a client that wants a fresh proof has the person asked again, also in a browser that is signed in', async () => {
  const { page, picture } = window
  const login = await beginLogin()
  const url = new URL(login.url)
  url.searchParams.set('max_age', '1')
  url.searchParams.set('acr_values', 'pop-mfa')
  await pause(1500)
  await page.goto(url.href)
  await page.locator('#password').waitFor()
  await picture('6-step-up')
  await page.locator('#password').fill(passwordOf('nina'))
  await page.getByRole('button', { name: 'Sign In' }).click()
  await enterCode(page)
  await page.getByText('You may close this window').waitFor()
  assert.equal((await login.ended()).user, 'nina')
})

test('a sign-out at Keycloak ends the token at the gateway', async () => {
  const { page, picture } = window
  const login = await beginLogin()
  await page.goto(login.url)
  await login.ended()
  const token = keptToken()
  assert.equal((await pop.call(token, 'GET', topics)).status, 200)
  await page.goto(
    `${pop.issuer}/protocol/openid-connect/logout?client_id=pop-cli&state=${randomBytes(8).toString('hex')}`,
  )
  await picture('7-sign-out')
  await page.getByRole('button', { name: 'Logout' }).click()
  const clickedMs = performance.now()
  await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
  await picture('8-signed-out')
  let answer = await pop.call(token, 'GET', topics)
  while (answer.status === 200 && performance.now() - clickedMs < 10_000) {
    await pause(20)
    answer = await pop.call(token, 'GET', topics)
  }
  assert.deepEqual([answer.status, answer.body['code']], [401, 'token-revoked'])
})
