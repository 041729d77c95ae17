import { printable } from '@pop-api/audit'

/**
 * A text of many lines as it may be shown on a terminal: line ends and tabs stay, every other control or reordering character
 * becomes its escape. Untrusted input.
 */
export function printableLines(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .split(/([\n\t])/)
    .map(unlessSpace)
    .join('')
}

function unlessSpace(part: string): string {
  return part === '\n' || part === '\t' ? part : printable(part)
}
