import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { openDoorWorld } from '../door-world.ts'
import type { Received } from '../receive/received.ts'

test('countConnections() marks what comes above the limit, hangs up above twice the limit, and forgets what closed', async () => {
  const crowded: boolean[] = []
  const answer = { status: 204, fields: [], body: Buffer.alloc(0) }
  const note = async (received: Received) => {
    crowded.push(received.crowded)
    return answer
  }
  await using door = await openDoorWorld(note, 2)
  const sockets: Socket[] = []
  for (let index = 0; index < 4; index++) {
    const socket = connect(door.port, '127.0.0.1')
    await once(socket, 'connect')
    sockets.push(socket)
  }
  assert.equal(await door.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), '')
  for (const socket of sockets) {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(socket, 'data')
  }
  assert.deepEqual(crowded, [false, false, true, true])
  for (const socket of sockets) socket.destroy()
  // The server learns of it a moment after the client does.
  do await door.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  while (crowded.at(-1) !== false)
})
