/**
 * Two validators, because each is blind where the other sees: kubernetes-models knows types, enumerations and what is
 * required, and lets a misspelt field pass; the type maps of the official client know every field by its name.
 */
import * as client from '@kubernetes/client-node';
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import type { Json, Manifest } from './kustomize.ts';

type Model = new (data: Json) => { validate(): void };
type TypeMap = { baseName: string; type: string }[];

const models: Record<string, Record<string, unknown>> = {
  v1: core,
  'apps/v1': apps,
  'autoscaling/v2': autoscaling,
  'batch/v1': batch,
  'networking.k8s.io/v1': networking,
  'policy/v1': policy,
};

/** Every mistake of a manifest, by both; none is an empty list. */
export function mistakesOf(manifest: Manifest): string[] {
  const { apiVersion, kind, metadata } = manifest;
  const Model = models[apiVersion]?.[kind] as Model | undefined;
  if (!Model) return [`${kind}/${metadata.name}: ${apiVersion} ${kind} is not known`];
  const mistakes: string[] = [];
  try {
    new Model(structuredClone(manifest)).validate();
  } catch (error) {
    mistakes.push((error as Error).message);
  }
  const version = apiVersion.split('/').at(-1) === 'v2' ? 'V2' : 'V1';
  mistakes.push(...unknownFields(manifest, `${version}${kind}`, kind));
  return mistakes.map((text) => `${kind}/${metadata.name}: ${text}`);
}

function unknownFields(value: Json, type: string, path: string): string[] {
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item) {
    if (!Array.isArray(value)) return [`${path} is not a list`];
    return value.flatMap((one, index) => unknownFields(one, item, `${path}[${index}]`));
  }
  const values = /^\{ \[key: string\]: (.+?);? \}$/.exec(type)?.[1];
  if (values) {
    return Object.entries(value).flatMap(([key, one]) =>
      unknownFields(one, values, `${path}.${key}`),
    );
  }
  const Type = (client as Record<string, unknown>)[type] as
    | { getAttributeTypeMap?(): TypeMap }
    | undefined;
  if (!Type?.getAttributeTypeMap) {
    const isText = type === 'string';
    return isText && typeof value !== 'string' ? [`${path} is a ${typeof value}, not a text`] : [];
  }
  const fields = new Map(Type.getAttributeTypeMap().map((field) => [field.baseName, field.type]));
  return Object.entries(value).flatMap(([name, one]) => {
    const fieldType = fields.get(name);
    return fieldType
      ? unknownFields(one, fieldType, `${path}.${name}`)
      : [`${path}.${name} is not a field of ${type}`];
  });
}
