import { once } from 'node:events'
import { request as startPlain, type IncomingMessage } from 'node:http'
import { request as startSecure } from 'node:https'
import { text as textOf } from 'node:stream/consumers'

/** Where a browser has come to. */
export interface Visited {
  /** The page that is shown; where the browser left its site, the address to which it would have gone. */
  readonly url: URL
  /** It was sent to another site, which was not asked. */
  readonly hasLeft: boolean
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** The first form of the page. */
  readonly form: PageForm | undefined
}

/** A form as it stands in a page: hidden and filled in fields have their values, and so has its first button. */
export interface PageForm {
  readonly action: URL
  readonly fields: ReadonlyMap<string, string>
}

/** What a test sends otherwise than a browser would. */
export interface SubmitOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Takes these fields out of the form. */
  readonly without?: readonly string[]
}

/** A browser without scripts, for one site: it keeps cookies as browsers do, follows redirects there, and stops where they leave it. */
export interface Browser {
  readonly open: (url: string | URL, headers?: Readonly<Record<string, string>>) => Promise<Visited>
  /** Sends the form of a page with some of its fields changed. */
  readonly submit: (
    page: Visited,
    fields: Readonly<Record<string, string>>,
    options?: SubmitOptions,
  ) => Promise<Visited>
  /** Name → value of every cookie that is kept. */
  readonly cookies: ReadonlyMap<string, string>
  /** The `Set-Cookie` fields that came, as they were. */
  readonly received: readonly string[]
}

const redirectsMax = 10

/** Opens one with no cookies. `site`: its origin; `ca`: where its certificate must come from, PEM. */
export function openBrowser(site: string, ca?: string): Browser {
  const jar = new Map<string, Cookie>()
  const received: string[] = []
  const { origin } = new URL(site)

  async function go(url: URL, first: Sent): Promise<Visited> {
    let sent = first
    let target = url
    for (let hops = 0; hops <= redirectsMax; hops++) {
      const message = await send(target, ca, sent, jar)
      for (const field of message.headers['set-cookie'] ?? []) {
        received.push(field)
        keep(jar, field, target)
      }
      const status = message.statusCode ?? 0
      const content = await textOf(message)
      const location = status >= 300 && status < 400 ? message.headers.location : undefined
      const shown = { status, headers: message.headers, text: content }
      if (location === undefined) return { ...shown, url: target, hasLeft: false, form: formIn(content, target) }
      target = new URL(location, target)
      if (target.origin !== origin) return { ...shown, url: target, hasLeft: true, form: undefined }
      sent = { headers: {}, body: undefined }
    }
    throw new Error(`more than ${redirectsMax} redirects, the last one to ${target.href}`)
  }

  return {
    received,
    get cookies() {
      return new Map([...jar].map(([name, { value }]) => [name, value]))
    },
    open: (url, headers = {}) => go(new URL(url), { headers, body: undefined }),
    submit: (page, fields, { headers = {}, without = [] } = {}) => {
      if (page.form === undefined) throw new Error(`the page ${page.url.href} has no form:\n${page.text}`)
      const { action, fields: present } = page.form
      const all = Object.entries({ ...Object.fromEntries(present), ...fields })
      const body = new URLSearchParams(all.filter(([name]) => !without.includes(name))).toString()
      return go(action, { headers: { origin: page.url.origin, ...headers }, body })
    },
  }
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

interface Cookie {
  readonly value: string
  readonly path: string
  readonly secure: boolean
}

async function send(
  url: URL,
  ca: string | undefined,
  { headers, body }: Sent,
  jar: ReadonlyMap<string, Cookie>,
): Promise<IncomingMessage> {
  const cookie = [...jar].filter(([, kept]) => goesTo(kept, url)).map(([name, { value }]) => `${name}=${value}`)
  const options = {
    method: body === undefined ? 'GET' : 'POST',
    agent: false,
    headers: {
      accept: 'text/html',
      ...(cookie.length === 0 ? {} : { cookie: cookie.join('; ') }),
      ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
  }
  const sent = url.protocol === 'https:' ? startSecure(url, { ...options, ca }) : startPlain(url, options)
  sent.end(body)
  const [message] = (await once(sent, 'response')) as [IncomingMessage] // what `response` gives
  return message
}

function goesTo({ path, secure }: Cookie, { pathname, protocol }: URL): boolean {
  const isBelow = pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
  // As browsers do, loopback counts as secure.
  return isBelow && (!secure || protocol === 'https:' || protocol === 'http:')
}

/** RFC 6265 section 5.3, and what the prefixes of RFC 6265bis ask for: a cookie that breaks them is not kept. */
function keep(jar: Map<string, Cookie>, field: string, url: URL): void {
  const [pair = '', ...attributes] = field.split(';').map((part) => part.trim())
  const equals = pair.indexOf('=')
  const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)]
  const given = new Map(
    attributes.map((attribute) => {
      const [key = '', ...rest] = attribute.split('=')
      return [key.toLowerCase(), rest.join('=')]
    }),
  )
  const path = given.get('path') ?? url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf('/')))
  const secure = given.has('secure')
  if (name.startsWith('__') && !secure) return
  if (name.startsWith('__Host-') && (path !== '/' || given.has('domain'))) return
  const expires = given.get('expires')
  const isOver = given.get('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now())
  if (isOver) jar.delete(name)
  else jar.set(name, { value, path, secure })
}

function formIn(page: string, url: URL): PageForm | undefined {
  const found = /<form\b([^>]*)>(.*?)<\/form>/s.exec(page)
  if (found === null) return undefined
  const [, tag = '', content = ''] = found
  const fields = new Map<string, string>()
  for (const [, input = ''] of content.matchAll(/<input\b([^>]*)>/g)) {
    const name = attributeOf(input, 'name')
    if (name !== undefined && attributeOf(input, 'type') !== 'submit')
      fields.set(name, attributeOf(input, 'value') ?? '')
  }
  // Whoever presses Enter sends the first button.
  const [, button = ''] = /<(?:button\b|input\b(?=[^>]*\btype="submit"))([^>]*)>/.exec(content) ?? []
  const name = attributeOf(button, 'name')
  if (name !== undefined) fields.set(name, attributeOf(button, 'value') ?? '')
  return { action: new URL(attributeOf(tag, 'action') ?? '', url), fields }
}

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
  return value?.replace(/&(amp|lt|gt|quot|#39);/g, (_entity, word: string) => {
    return { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }[word] ?? ''
  })
}
