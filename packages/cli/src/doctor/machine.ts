import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../up/own-file.ts'
import { fail, ok, warn, type Finding } from './finding.ts'

const nodeMajorMin = 26
const mebibyte = 1024 * 1024
const fullBelowMebibytes = 100
const scarceBelowMebibytes = 1024

/** Whether this Node can run everything. */
export function checkRuntime(version: string = process.version): Finding {
  const major = Number(/^v(\d+)\./.exec(version)?.[1])
  if (major >= nodeMajorMin) return ok('runtime', `Node ${version} at ${process.execPath}`)
  const remedy = 'Run `npm ci` in the checkout and use `npx pop`: that brings the Node that everything runs on'
  return fail('runtime', `Node ${version} runs this; ${nodeMajorMin} or later is needed`, remedy)
}

/** Room for audit logs and data. A full disk refuses every request with `audit_level: full`. */
export async function checkDisk(home: string): Promise<Finding> {
  const { bavail, bsize } = await statNearest(home)
  return judgeDisk((bavail * bsize) / mebibyte)
}

/** The finding for so much free space. */
export function judgeDisk(freeMebibytes: number): Finding {
  const message = `${Math.floor(freeMebibytes)} MiB are free where the home is`
  if (freeMebibytes < fullBelowMebibytes) {
    return fail('disk', message, `Free at least ${fullBelowMebibytes} MiB: what cannot be recorded is refused`)
  }
  return freeMebibytes < scarceBelowMebibytes
    ? warn('disk', message, 'Free some before the logs fill it')
    : ok('disk', message)
}

/** The file system of a home, or of where it would be made. */
async function statNearest(path: string): Promise<{ readonly bavail: number; readonly bsize: number }> {
  try {
    return await statfs(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    return await statNearest(dirname(path))
  }
}
