// Combining marks, joiners and variation selectors take no cell of their own.
const zero = /^(?:\p{Mn}|\p{Me}|\p{Cf})$/u
// East Asian wide and fullwidth characters, and emoji, take two.
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}])$/u

/** How many cells of a terminal a text takes that has been through `printable()`. */
export function displayWidth(text: string): number {
  let cells = 0
  for (const character of text) cells += cellsOf(character)
  return cells
}

/** The text, or its beginning with `…` where it takes more than `cellsMax` cells. */
export function cutToWidth(text: string, cellsMax: number): string {
  if (displayWidth(text) <= cellsMax) return text
  let cells = 0
  let kept = ''
  for (const character of text) {
    cells += cellsOf(character)
    if (cells > cellsMax - 1) break
    kept += character
  }
  return `${kept}…`
}

function cellsOf(character: string): number {
  if (zero.test(character)) return 0
  return wide.test(character) ? 2 : 1
}
