import { type OperatorVersion, operatorAt } from '../ops/schema.ts';
import type { Op } from './node.ts';

/** `ai.onnx` is another spelling of the default domain. */
export function normalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** The operator that a node names, at the version its operator set imports select. */
export function opOf(domain: string, name: string, overload: string, opsets: ReadonlyMap<string, number>): Op {
  const normal = normalDomain(domain);
  const opset = opsets.get(normal);
  return { domain: normal, name, overload, version: opset === undefined ? undefined : operatorAt(normal, name, opset)?.since };
}

/** The signature of an operator; undefined where the table does not know it. */
export function schemaOf(op: Op): OperatorVersion | undefined {
  return op.version === undefined ? undefined : operatorAt(op.domain, op.name, op.version);
}

/** `Conv`, or `funnel.FReLU` where the domain is not the default one. */
export function displayOp(op: { readonly domain: string; readonly name: string }): string {
  return op.domain === '' ? op.name : `${op.domain}.${op.name}`;
}
