import type { Attribute } from '../ir/attribute.ts';
import { attributeFor } from '../ir/attrs.ts';
import type { Node } from '../ir/node.ts';
import { displayOp, schemaOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { printType } from '../text/print-type.ts';
import type { Change } from './diff.ts';
import { changeOf, entries } from './diff.ts';
import { fingerprint, typeOfTensor } from './diff-weights.ts';

/** Characters of an attribute's value that are shown. */
const LONGEST = 80;

/** A key that nodes share which compute the same from the same operands; nested graphs are not looked into. */
export function structureOf(node: Node, idOf: (value: Value) => number): string {
  const operands = node.inputs.map(v => (v ? idOf(v) : '-'));
  if (schemaOf(node.op)?.commutes) operands.sort();
  const attributes = [...attributesOf(node)].map(([name, text]) => `${name}=${text}`).sort();
  return [displayOp(node.op), node.op.overload, node.outputs.length, operands.join(), ...attributes].join('\n');
}

/** What tells two matched nodes apart, besides names. */
export function nodeChanges(before: Node, after: Node, twins: ReadonlyMap<Value, Value>): Change[] {
  // Of two operators, attributes and operands have nothing in common.
  if (opText(before) !== opText(after)) return changeOf('operator', opText(before), opText(after));
  const changes = [
    ...entries('attribute ', attributesOf(before), attributesOf(after)),
    ...operandChanges(before, after, twins),
    ...changeOf('outputs', String(before.outputs.filter(o => o.name).length), String(after.outputs.filter(o => o.name).length)),
    ...changeOf('documentation', docOf(before), docOf(after)),
  ];
  return changes.length > 0 ? [...changes, ...changeOf('result', resultsOf(before), resultsOf(after))] : [];
}

const resultsOf = ({ outputs }: Node) => outputs.map(o => o.name).join(', ');

const opText = ({ op }: Node) => displayOp(op) + (op.overload && `:${op.overload}`);

const docOf = ({ origin }: Node) => (origin && 'doc_string' in origin && typeof origin.doc_string === 'string' ? origin.doc_string : '');

function operandChanges(before: Node, after: Node, twins: ReadonlyMap<Value, Value>): Change[] {
  const twin = (value: Value | undefined) => value && (twins.get(value) ?? value);
  const old = before.inputs.slice(0, before.inputs.findLastIndex(v => v) + 1);
  const now = after.inputs.slice(0, after.inputs.findLastIndex(v => v) + 1).map(twin);
  const same = old.length === now.length && old.every((v, i) => v === now[i]);
  const schema = schemaOf(after.op);
  if (same || (schema?.commutes && old.length === now.length && sameSet(old, now))) return [];
  const changes: Change[] = [];
  for (let i = 0; i < Math.max(old.length, now.length); i++) {
    if (old[i] === now[i]) continue;
    changes.push({ what: `input ${schema?.inputs[i] ?? i}`, before: old[i]?.name, after: after.inputs[i]?.name });
  }
  return changes;
}

function sameSet(a: readonly unknown[], b: readonly unknown[]): boolean {
  const left = [...b];
  for (const x of a) {
    const i = left.indexOf(x);
    if (i < 0) return false;
    left.splice(i, 1);
  }
  return true;
}

/** Attributes as text; those that say what their absence says, and nested graphs, are left out. */
function attributesOf(node: Node): Map<string, string> {
  const schema = schemaOf(node.op);
  const texts = new Map<string, string>();
  for (const [name, attribute] of node.attributes) {
    if (attribute.type === 'graph' || attribute.type === 'graphs') continue;
    const known = schema?.attributes.get(name);
    const text = attributeText(attribute);
    if (known?.default !== undefined && text === attributeText(attributeFor(known.type, known.default))) continue;
    texts.set(name, text);
  }
  return texts;
}

export function attributeText(attribute: Attribute): string {
  switch (attribute.type) {
    case 'tensor':
      return `${typeOfTensor(attribute.value)}${attribute.value.size <= 8 && attribute.value.dtype !== 'string' ? ` {${Array.from(attribute.value.elements(), String).join(', ')}}` : ` #${fingerprint(attribute.value).slice(0, 12)}`}`;
    case 'tensors':
      return attribute.value.map(value => attributeText({ type: 'tensor', value })).join(', ');
    case 'type_proto':
      return printType(attribute.value);
    case 'type_protos':
      return attribute.value.map(printType).join(', ');
    case 'reference':
      return `@${attribute.value}`;
    case 'string':
      return typeof attribute.value === 'string' ? short(attribute.value) : short(Buffer.from(attribute.value).toString('latin1'));
    case 'ints':
    case 'floats':
    case 'strings':
      return short(`[${attribute.value.join(', ')}]`);
    default:
      return short(String(attribute.value));
  }
}

/** Long values by their beginning, and what tells them from others. */
function short(text: string): string {
  if (text.length <= LONGEST) return text;
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return `${text.slice(0, LONGEST)}… (${text.length} characters, ${(hash >>> 0).toString(16)})`;
}
