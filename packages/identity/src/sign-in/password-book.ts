import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** Answers whether a password is right, after the same work for every account and for none. */
export interface PasswordBook {
  verify(accountId: string, password: string): Promise<boolean>
}

interface Entry {
  readonly salt: Buffer
  readonly digest: Buffer
}

const digestBytes = 32

/** Hashes each password (scrypt, Node's cost, a new salt each); the passwords themselves are not kept. */
export async function passwordBook(passwords: ReadonlyMap<string, string>): Promise<PasswordBook> {
  const entries = new Map<string, Entry>()
  for (const [accountId, password] of passwords) entries.set(accountId, await makeEntry(password))
  const decoy = await makeEntry(randomBytes(digestBytes).toString('hex'))
  return {
    async verify(accountId, password) {
      const entry = entries.get(accountId)
      const { salt, digest } = entry ?? decoy
      const same = timingSafeEqual(await digestOf(password, salt), digest)
      return same && entry !== undefined
    },
  }
}

async function makeEntry(password: string): Promise<Entry> {
  const salt = randomBytes(16)
  return { salt, digest: await digestOf(password, salt) }
}

function digestOf(password: string, salt: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  scrypt(password, salt, digestBytes, (error, key) => {
    if (error === null) resolve(key)
    else reject(error)
  })
  return promise
}
