import { parseTemplate } from './template.ts'

/** What is mounted at a method and a template. */
export interface Route<T> {
  readonly method: string
  readonly template: string
  readonly value: T
}

export type RouteMatch<T> =
  | { readonly kind: 'found'; readonly value: T; readonly parameters: Readonly<Record<string, string>> }
  | { readonly kind: 'method'; readonly allow: readonly string[] }
  | { readonly kind: 'none' }

/** Finds the route of a method and of path segments that were decoded once. Fixed text wins over `{name}`, that over `{name+}`. */
export type RouteFinder<T> = (method: string, segments: readonly string[]) => RouteMatch<T>

interface Node<T> {
  readonly fixed: Map<string, Node<T>>
  parameter: { readonly name: string; readonly node: Node<T> } | undefined
  rest: { readonly name: string; readonly methods: Map<string, T> } | undefined
  readonly methods: Map<string, T>
}

const none = { kind: 'none' } as const

/**
 * Compiles a trie over decoded segments. Throws an Error for templates that two readers could match differently: invalid ones,
 * a method mounted twice, one place with two parameter names.
 */
export function compileRoutes<T>(routes: readonly Route<T>[]): RouteFinder<T> {
  const root = emptyNode<T>()
  for (const route of routes) mount(root, route)
  return (method, segments) => {
    const values: string[] = []
    const names: string[] = []
    const methods = descend(root, segments, 0, names, values)
    if (methods === undefined) return none
    const value = methods.get(method)
    if (value === undefined) return { kind: 'method', allow: [...methods.keys()] }
    return {
      kind: 'found',
      value,
      parameters: Object.fromEntries(names.map((name, index) => [name, values[index] ?? ''])),
    }
  }
}

function emptyNode<T>(): Node<T> {
  return { fixed: new Map(), parameter: undefined, rest: undefined, methods: new Map() }
}

function mount<T>(root: Node<T>, route: Route<T>): void {
  const segments = parseTemplate(route.template)
  if (segments === undefined) throw new Error(`The path template ${route.template} is not valid.`)
  let node = root
  let methods = root.methods
  for (const segment of segments) {
    if (segment.kind === 'rest') {
      node.rest ??= { name: segment.name, methods: new Map() }
      sameName(node.rest.name, segment.name, route.template)
      methods = node.rest.methods
      continue
    }
    node =
      segment.kind === 'fixed' ? fixedChild(node, segment.text) : parameterChild(node, segment.name, route.template)
    methods = node.methods
  }
  if (methods.has(route.method)) throw new Error(`${route.method} ${route.template} is mounted twice.`)
  methods.set(route.method, route.value)
}

function fixedChild<T>(node: Node<T>, text: string): Node<T> {
  const child = node.fixed.get(text) ?? emptyNode<T>()
  node.fixed.set(text, child)
  return child
}

function parameterChild<T>(node: Node<T>, name: string, template: string): Node<T> {
  node.parameter ??= { name, node: emptyNode() }
  sameName(node.parameter.name, name, template)
  return node.parameter.node
}

function sameName(present: string, wanted: string, template: string): void {
  if (present !== wanted) throw new Error(`${template} names {${wanted}} what another template names {${present}}.`)
}

/** Depth first, with backtracking; `names` and `values` hold the parameters of the branch that is being tried. */
function descend<T>(
  node: Node<T>,
  segments: readonly string[],
  depth: number,
  names: string[],
  values: string[],
): Map<string, T> | undefined {
  const segment = segments[depth]
  if (segment === undefined) return node.methods.size > 0 ? node.methods : undefined
  const child = node.fixed.get(segment)
  const fixed = child === undefined ? undefined : descend(child, segments, depth + 1, names, values)
  if (fixed !== undefined) return fixed
  if (node.parameter !== undefined) {
    names.push(node.parameter.name)
    values.push(segment)
    const found = descend(node.parameter.node, segments, depth + 1, names, values)
    if (found !== undefined) return found
    names.pop()
    values.pop()
  }
  if (node.rest === undefined) return undefined
  names.push(node.rest.name)
  // Joined only for the one template that spans slashes: a decoded segment never contains one, so this has one meaning.
  values.push(segments.slice(depth).join('/'))
  return node.rest.methods
}
