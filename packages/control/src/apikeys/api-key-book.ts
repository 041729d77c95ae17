import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { encodeBase62, hashApiKey, mintApiKey, parseApiKey } from '@pop-api/protocol'

/** API keys of modules: one for each, only its hash is stored. */
export interface ApiKeyBook {
  /** A new key for the module; the one before it ends at once. */
  readonly replace: (module: string) => string
  /** The module that a key belongs to; undefined for any other text. Untrusted input. */
  readonly owner: (key: string) => string | undefined
  [Symbol.dispose](): void
}

/** Opens the book in a SQLite file. `environment` is a part of every key: one of another environment is nobody's. */
export function openApiKeyBook(path: string, environment: string): ApiKeyBook {
  const database = new DatabaseSync(path)
  database.exec('pragma journal_mode = wal; pragma synchronous = full')
  database.exec(
    'create table if not exists api_key (module text primary key, id text not null, key_hash text not null unique) strict',
  )
  const upsert = database.prepare(
    'insert into api_key (module, id, key_hash) values (?, ?, ?) on conflict (module) do update set id = excluded.id, key_hash = excluded.key_hash',
  )
  const find = database.prepare('select module from api_key where key_hash = ?')
  return {
    replace(module) {
      const id = encodeBase62(randomBytes(11), 16)
      const key = mintApiKey({ environment, id, secret: randomBytes(32) })
      upsert.run(module, id, hashApiKey(key))
      return key
    },
    owner(key) {
      if (parseApiKey(key, environment) === undefined) return undefined
      const row = find.get(hashApiKey(key))
      return row === undefined ? undefined : String(row['module'])
    },
    [Symbol.dispose]: () => database.close(),
  }
}
