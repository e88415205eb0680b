// Reads the public surface out of the built declarations: what each entry exports, and which types it mentions beside.
// Knows TypeScript's compiler; nothing of the package but its entries.

import { readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import ts from 'typescript';

/** One entry point of the package. */
export interface EntrySurface {
  /** As it is imported, such as `pgenrm/eval`. */
  readonly entry: string;
  /** Names with their kind, sorted, such as `class RewardModel`. */
  readonly exports: readonly string[];
}

/** The surface of the package. */
export interface Surface {
  readonly entries: readonly EntrySurface[];
  /** Types that exported declarations mention and no entry exports, each with where it is mentioned. */
  readonly missing: readonly string[];
  /** Packages whose types exported declarations mention, Node's and the language's own aside. */
  readonly foreign: readonly string[];
  /** Names of all members of exported types. */
  readonly members: ReadonlySet<string>;
}

interface ExportTarget {
  readonly types: string;
  readonly browser?: ExportTarget;
}

/** Reads the entries of `package.json`; the package has to be built. */
export function readSurface(root = '.'): Surface {
  const { name, exports } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
    name: string;
    exports: Record<string, ExportTarget | string>;
  };
  const entries = Object.entries(exports).flatMap(([path, target]) =>
    typeof target === 'string'
      ? []
      : [
          { entry: `${name}${path.slice(1)}`, file: resolve(root, target.types) },
          ...(target.browser === undefined
            ? []
            : [{ entry: `${name}${path.slice(1)} in a browser`, file: resolve(root, target.browser.types) }]),
        ],
  );
  const program = ts.createProgram(
    entries.map(({ file }) => file),
    {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      skipLibCheck: true,
      types: ['node'],
      noEmit: true,
    },
  );
  return new SurfaceReader(program, resolve(root, 'dist')).read(entries);
}

class SurfaceReader {
  readonly #checker: ts.TypeChecker;
  readonly #program: ts.Program;
  readonly #dist: string;
  readonly #exported = new Set<ts.Symbol>();
  readonly #missing = new Map<string, string>();
  readonly #foreign = new Set<string>();
  readonly #members = new Set<string>();

  constructor(program: ts.Program, dist: string) {
    this.#program = program;
    this.#checker = program.getTypeChecker();
    this.#dist = dist + sep;
  }

  read(entries: readonly { readonly entry: string; readonly file: string }[]): Surface {
    const read = entries.map(({ entry, file }) => {
      const source = this.#program.getSourceFile(file);
      const module = source && this.#checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`${file} is no module; build the package first`);
      const symbols = this.#checker.getExportsOfModule(module).map((symbol) => this.#resolved(symbol));
      for (const symbol of symbols) this.#exported.add(symbol);
      return { entry, symbols };
    });
    for (const { symbols } of read) for (const symbol of symbols) this.#visitSymbol(symbol);
    return {
      entries: read.map(({ entry, symbols }) => ({
        entry,
        exports: symbols.map((symbol) => `${kindOf(symbol)} ${symbol.name}`).sort(),
      })),
      missing: [...this.#missing].map(([type, where]) => `${type} (in ${where})`).sort(),
      foreign: [...this.#foreign].sort(),
      members: this.#members,
    };
  }

  #resolved(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #visitSymbol(symbol: ts.Symbol): void {
    for (const declaration of symbol.declarations ?? []) this.#visit(declaration, symbol.name);
  }

  #visit(node: ts.Node, where: string): void {
    if (
      ts.canHaveModifiers(node) &&
      node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
    )
      return;
    if (
      (ts.isPropertySignature(node) ||
        ts.isMethodSignature(node) ||
        ts.isMethodDeclaration(node) ||
        ts.isPropertyDeclaration(node)) &&
      ts.isIdentifier(node.name)
    )
      this.#members.add(node.name.text);
    if (ts.isTypeReferenceNode(node)) this.#mention(node.typeName, where);
    else if (ts.isExpressionWithTypeArguments(node)) this.#mention(node.expression, where);
    else if (ts.isImportTypeNode(node) && node.qualifier !== undefined) this.#mention(node.qualifier, where);
    ts.forEachChild(node, (child) => this.#visit(child, where));
  }

  #mention(name: ts.Node, where: string): void {
    const found = this.#checker.getSymbolAtLocation(name);
    if (found === undefined) return;
    const symbol = this.#resolved(found);
    if (symbol.flags & ts.SymbolFlags.TypeParameter) return;
    const [declaration] = symbol.declarations ?? [];
    const file = declaration?.getSourceFile().fileName;
    if (declaration === undefined || file === undefined) return;
    if (resolve(file).startsWith(this.#dist)) {
      if (!this.#exported.has(symbol) && !this.#missing.has(symbol.name))
        this.#missing.set(symbol.name, where);
      return;
    }
    const [, owner] = /node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)(?!.*node_modules)/.exec(file) ?? [];
    if (
      owner !== undefined &&
      !['typescript', '@types/node', 'undici-types'].includes(owner.replace('\\', '/'))
    )
      this.#foreign.add(`${owner} (${symbol.name} in ${where})`);
  }
}

function kindOf({ flags }: ts.Symbol): string {
  if (flags & ts.SymbolFlags.Class) return 'class';
  if (flags & ts.SymbolFlags.Function) return 'function';
  if (flags & ts.SymbolFlags.Variable) return 'const';
  return 'type';
}
