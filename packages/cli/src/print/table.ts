import { printable } from '@pop-api/audit'
import { cutToWidth, displayWidth } from './display-width.ts'
import type { Output } from './output.ts'

export interface Column {
  readonly title: string
  /** Numbers stand at the right. */
  readonly align?: 'left' | 'right'
  /** Cells that the column has at least: for rows that come one by one. */
  readonly cellsMin?: number
}

/** The lines of a table. */
export interface TableLines {
  readonly head: string
  readonly rows: readonly string[]
}

const gap = '  '

/** The columns, at least as wide as these rows need: so that rows which come later stand below them. */
export function widen(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly Column[] {
  return columns.map((column, index) => {
    const cells = rows.map((row) => displayWidth(printable(row[index] ?? '')))
    return { ...column, cellsMin: Math.max(column.cellsMin ?? 0, displayWidth(column.title), ...cells) }
  })
}

/**
 * Sets rows below their titles. Every cell goes through `printable()`. A line is cut to the width of the terminal where there is
 * one.
 */
export function layTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { columns: cellsMax, paint }: Pick<Output, 'columns' | 'paint'>,
): TableLines {
  const widened = widen(columns, rows)
  const line = (row: readonly string[]): string => {
    const cells = widened.map(({ align, cellsMin = 0 }, index) => pad(row[index] ?? '', cellsMin, align ?? 'left'))
    const text = cells.join(gap).trimEnd()
    return cellsMax === undefined ? text : cutToWidth(text, cellsMax)
  }
  const titles = columns.map(({ title }) => title)
  return { head: paint('bold', line(titles)), rows: rows.map((row) => line(row.map(printable))) }
}

/** Writes a table; only its titles when there are no rows. */
export async function printTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  out: Output,
): Promise<void> {
  const { head, rows: lines } = layTable(columns, rows, out)
  await out.write([head, ...lines, ''].join('\n'))
}

/** Writes names and values below each other, the names as wide as the longest. */
export async function printPairs(pairs: readonly (readonly [string, string])[], out: Output): Promise<void> {
  const width = Math.max(...pairs.map(([name]) => displayWidth(name)))
  const lines = pairs.map(([name, value]) => `${out.paint('dim', pad(name, width, 'left'))}${gap}${printable(value)}`)
  await out.write([...lines, ''].join('\n'))
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const spaces = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'left' ? text + spaces : spaces + text
}
