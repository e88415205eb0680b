// The syntax tree of a template, as the parser of @huggingface/jinja gives it.
// Types and reading only; nothing is evaluated here.

import { parse, tokenize } from '@huggingface/jinja';

/** A statement or an expression. */
export type Node =
  | { readonly type: 'If'; readonly test: Node; readonly body: Node[]; readonly alternate: Node[] }
  | {
      readonly type: 'For';
      readonly loopvar: Target;
      readonly iterable: Node;
      readonly body: Node[];
      readonly defaultBlock: Node[];
    }
  | { readonly type: 'Set'; readonly assignee: Target; readonly value: Node | null; readonly body: Node[] }
  | { readonly type: 'Macro'; readonly name: Identifier; readonly args: Parameter[]; readonly body: Node[] }
  | {
      readonly type: 'CallStatement';
      readonly call: CallNode;
      readonly callerArgs: Parameter[] | null;
      readonly body: Node[];
    }
  | { readonly type: 'FilterStatement'; readonly filter: FilterCall; readonly body: Node[] }
  | { readonly type: 'Break' | 'Continue' | 'Comment' }
  | Identifier
  | { readonly type: 'IntegerLiteral' | 'FloatLiteral'; readonly value: number }
  | { readonly type: 'StringLiteral'; readonly value: string }
  | { readonly type: 'ArrayLiteral' | 'TupleLiteral'; readonly value: Node[] }
  | { readonly type: 'ObjectLiteral'; readonly value: ReadonlyMap<Node, Node> }
  | MemberNode
  | CallNode
  | {
      readonly type: 'BinaryExpression';
      readonly operator: { readonly value: string };
      readonly left: Node;
      readonly right: Node;
    }
  | {
      readonly type: 'UnaryExpression';
      readonly operator: { readonly value: string };
      readonly argument: Node;
    }
  | { readonly type: 'FilterExpression'; readonly operand: Node; readonly filter: FilterCall }
  | {
      readonly type: 'TestExpression';
      readonly operand: Node;
      readonly negate: boolean;
      readonly test: Identifier;
    }
  | { readonly type: 'SelectExpression'; readonly lhs: Node; readonly test: Node }
  | {
      readonly type: 'Ternary';
      readonly condition: Node;
      readonly trueExpr: Node;
      readonly falseExpr: Node;
    }
  | SliceNode
  | KeywordNode
  | { readonly type: 'SpreadExpression' | 'KeywordSpreadExpression'; readonly argument: Node };

export interface Identifier {
  readonly type: 'Identifier';
  readonly value: string;
}
export interface MemberNode {
  readonly type: 'MemberExpression';
  readonly object: Node;
  readonly property: Node;
  readonly computed: boolean;
}
export interface CallNode {
  readonly type: 'CallExpression';
  readonly callee: Node;
  readonly args: Node[];
}
export interface SliceNode {
  readonly type: 'SliceExpression';
  readonly start?: Node;
  readonly stop?: Node;
  readonly step?: Node;
}
export interface KeywordNode {
  readonly type: 'KeywordArgumentExpression';
  readonly key: Identifier;
  readonly value: Node;
}
/** A parameter of a macro, with its default where it has one. */
export type Parameter = Identifier | KeywordNode;
/** What a value is given to. */
export type Target = Identifier | { readonly type: 'TupleLiteral'; readonly value: Target[] } | MemberNode;
/** A filter's name, or its name with arguments. */
export type FilterCall = Identifier | CallNode;

/** Parses a template with the settings of transformers: blocks take their line with them. Throws where it cannot. */
export function parseTemplate(source: string): readonly Node[] {
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  return program.body as unknown as Node[];
}
