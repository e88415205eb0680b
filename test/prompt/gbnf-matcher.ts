// A matcher for the part of GBNF that the project's grammars use: slow, obvious, for tests.

type Node =
  | { kind: 'text'; text: string }
  | { kind: 'set'; matches: (char: string) => boolean }
  | { kind: 'rule'; name: string }
  | { kind: 'sequence'; nodes: Node[] }
  | { kind: 'choice'; nodes: Node[] }
  | { kind: 'repeat'; node: Node; min: number; max: number };

/** Whether a whole text follows a grammar, and whether it can be continued to one that does. */
export interface GbnfMatcher {
  matches(text: string): boolean;
  isPrefix(text: string): boolean;
}

export function gbnfMatcher(grammar: string): GbnfMatcher {
  const rules = new Map<string, Node>();
  for (const line of grammar.split('\n')) {
    if (line.trim() === '') continue;
    const [name, body] = line.split(/ ::= (.*)/, 2) as [string, string];
    if (rules.has(name)) throw new Error(`rule ${name} twice`);
    rules.set(name, parse(body));
  }
  const run = (text: string) => {
    let reachedEnd = false;
    const ends = (node: Node, from: number): Set<number> => {
      switch (node.kind) {
        case 'text': {
          const rest = text.slice(from, from + node.text.length);
          if (from + rest.length === text.length && node.text.startsWith(rest)) reachedEnd = true;
          return new Set(rest === node.text ? [from + rest.length] : []);
        }
        case 'set':
          if (from >= text.length) {
            reachedEnd = true;
            return new Set();
          }
          return new Set(node.matches(text[from]!) ? [from + 1] : []);
        case 'rule': {
          const rule = rules.get(node.name);
          if (rule === undefined) throw new Error(`no rule ${node.name}`);
          return ends(rule, from);
        }
        case 'choice':
          return new Set(node.nodes.flatMap((choice) => [...ends(choice, from)]));
        case 'sequence': {
          let positions = new Set([from]);
          for (const part of node.nodes) {
            positions = new Set([...positions].flatMap((at) => [...ends(part, at)]));
          }
          return positions;
        }
        case 'repeat': {
          let frontier = new Set([from]);
          const found = new Set(node.min === 0 ? [from] : []);
          for (let count = 1; count <= node.max && frontier.size > 0; count++) {
            const next = new Set([...frontier].flatMap((at) => [...ends(node.node, at)]));
            frontier = new Set([...next].filter((at) => count <= node.min || !found.has(at)));
            if (count >= node.min) for (const at of frontier) found.add(at);
          }
          return found;
        }
      }
    };
    const positions = ends({ kind: 'rule', name: 'root' }, 0);
    return { whole: positions.has(text.length), prefix: reachedEnd || positions.has(text.length) };
  };
  return { matches: (text) => run(text).whole, isPrefix: (text) => run(text).prefix };
}

function parse(body: string): Node {
  let pos = 0;
  const space = () => {
    while (body[pos] === ' ') pos++;
  };
  const escaped = (): string => {
    pos++;
    const char = body[pos++]!;
    if (char === 'n') return '\n';
    if (char === 'x') {
      pos += 2;
      return String.fromCharCode(Number.parseInt(body.slice(pos - 2, pos), 16));
    }
    if ('\\"]['.includes(char)) return char;
    throw new Error(`escape \\${char}`);
  };
  const charAt = () => (body[pos] === '\\' ? escaped() : body[pos++]!);
  const atom = (): Node => {
    const char = body[pos]!;
    if (char === '"') {
      pos++;
      let text = '';
      while (body[pos] !== '"') text += charAt();
      pos++;
      return { kind: 'text', text };
    }
    if (char === '[') {
      pos++;
      const negated = body[pos] === '^';
      if (negated) pos++;
      const ranges: [string, string][] = [];
      while (body[pos] !== ']') {
        const low = charAt();
        if (body[pos] === '-' && body[pos + 1] !== ']') {
          pos++;
          ranges.push([low, charAt()]);
        } else ranges.push([low, low]);
      }
      pos++;
      return { kind: 'set', matches: (c) => ranges.some(([low, high]) => c >= low && c <= high) !== negated };
    }
    if (char === '(') {
      pos++;
      const inner = choice();
      pos++;
      return inner;
    }
    const name = /^[a-z][a-z0-9-]*/.exec(body.slice(pos))?.[0];
    if (name === undefined) throw new Error(`at ${pos}: ${body.slice(pos, pos + 20)}`);
    pos += name.length;
    return { kind: 'rule', name };
  };
  const repeated = (): Node => {
    const node = atom();
    const sign = /^(?:[*+?]|\{(\d+),(\d*)\})/.exec(body.slice(pos));
    if (sign === null) return node;
    pos += sign[0].length;
    if (sign[0] === '*') return { kind: 'repeat', node, min: 0, max: Number.POSITIVE_INFINITY };
    if (sign[0] === '+') return { kind: 'repeat', node, min: 1, max: Number.POSITIVE_INFINITY };
    if (sign[0] === '?') return { kind: 'repeat', node, min: 0, max: 1 };
    const max = sign[2] === '' ? Number.POSITIVE_INFINITY : Number(sign[2]);
    return { kind: 'repeat', node, min: Number(sign[1]), max };
  };
  const sequence = (): Node => {
    const nodes: Node[] = [];
    space();
    while (pos < body.length && body[pos] !== '|' && body[pos] !== ')') {
      nodes.push(repeated());
      space();
    }
    return { kind: 'sequence', nodes };
  };
  const choice = (): Node => {
    const nodes = [sequence()];
    while (body[pos] === '|') {
      pos++;
      nodes.push(sequence());
    }
    return { kind: 'choice', nodes };
  };
  const node = choice();
  if (pos !== body.length) throw new Error(`left over: ${body.slice(pos)}`);
  return node;
}
