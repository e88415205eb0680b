// Puts a text in front of what a GBNF grammar describes.
// Knows GBNF; nothing of servers.

const ROOT = /(^|[^\w-])root(?![\w-])/g;

/** The grammar of one of `begins`, and behind it what `grammar` describes. `grammar` parses. */
export function wrappedGrammar(grammar: string, begins: readonly string[]): string {
  let inner = 'inner-root';
  while (grammar.includes(inner)) inner += '-x';
  const texts = begins.map((text) => literal(text)).join(' | ');
  return `root ::= (${texts}) ${inner}\n${outsideQuotes(grammar, (part) => part.replace(ROOT, `$1${inner}`))}`;
}

function literal(text: string): string {
  const body = [...text].map((char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    const code = char.codePointAt(0)!;
    return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : char;
  });
  return `"${body.join('')}"`;
}

/** Changes what stands outside of literals, classes and comments. */
function outsideQuotes(grammar: string, change: (part: string) => string): string {
  const quoted = /"(?:\\[\s\S]|[^"\\])*"|\[(?:\\[\s\S]|[^\]\\])*\]|#[^\n]*/g;
  let from = 0;
  let out = '';
  for (const match of grammar.matchAll(quoted)) {
    out += change(grammar.slice(from, match.index)) + match[0];
    from = match.index + match[0].length;
  }
  return out + change(grammar.slice(from));
}
