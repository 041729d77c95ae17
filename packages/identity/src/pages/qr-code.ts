import { encode } from 'uqr'
import { markup, type Markup } from './markup.ts'

/** A text as a QR code, drawn as one path; the quiet zone around it is part of it, dark on light whatever the page looks like. */
export function qrCode(text: string): Markup {
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return markup`<svg viewBox="0 0 ${size} ${size}" role="img" aria-label="QR code of the key" shape-rendering="crispEdges"><rect width="${size}" height="${size}" fill="#fff"/><path d="${squares.join('')}" fill="#000"/></svg>`
}
