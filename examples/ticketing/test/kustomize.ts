/**
 * The part of kustomize that deploy/k8s uses, and not a field more: what it does not know it refuses, so that a
 * test never passes on manifests that `kubectl apply -k` would build in another way.
 *
 *   resources -> patches -> namespace -> name suffix (with references) -> labels -> images
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

// biome-ignore lint/suspicious/noExplicitAny: manifests are of every shape; the validators know them
export type Json = any;
export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  [field: string]: Json;
};

type Patch = { path?: string; patch?: string; target: { kind: string; name?: string } };
type Kustomization = {
  apiVersion: string;
  kind: string;
  resources: string[];
  patches?: Patch[];
  namespace?: string;
  nameSuffix?: string;
  labels?: { pairs: Record<string, string>; includeSelectors: true }[];
  images?: { name: string; newName?: string; newTag: string }[];
};

const known = new Set([
  'apiVersion',
  'kind',
  'resources',
  'patches',
  'namespace',
  'nameSuffix',
  'labels',
  'images',
]);

/** Builds a folder with a kustomization.yaml. @throws Error for whatever this does not know */
export function build(folder: string): Manifest[] {
  const [file] = read(join(folder, 'kustomization.yaml')) as [Kustomization];
  for (const field of Object.keys(file)) {
    if (!known.has(field)) throw new Error(`${folder}: ${field} is not known here`);
  }
  let manifests = file.resources.flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? build(path) : (read(path) as Manifest[]);
  });
  for (const patch of file.patches ?? []) manifests = patched(folder, manifests, patch);
  for (const manifest of manifests) {
    const isGlobal = manifest.kind === 'Namespace';
    if (file.namespace && !isGlobal) manifest.metadata.namespace = file.namespace;
  }
  if (file.nameSuffix) suffix(manifests, file.nameSuffix);
  for (const { pairs } of file.labels ?? []) for (const one of manifests) label(one, pairs);
  for (const image of file.images ?? []) setImage(manifests, image);
  const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) throw new Error(`${folder}: ${twice} is there twice`);
  return manifests;
}

/** All documents of a file; an empty one, or one with a duplicate key, is a mistake. */
function read(path: string): unknown[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    const [error] = document.errors;
    if (error) throw new Error(`${path}: ${error.message}`);
    return document.toJS();
  });
}

function patched(folder: string, manifests: Manifest[], { path, patch, target }: Patch) {
  const text = patch ?? readFileSync(join(folder, path as string), 'utf8');
  const hits = (one: Manifest) =>
    one.kind === target.kind && (!target.name || one.metadata.name === target.name);
  if (!manifests.some(hits)) throw new Error(`${folder}: a patch for ${target.kind} hits nothing`);
  return manifests.map((one) => {
    if (!hits(one)) return one;
    const change = parseAllDocuments(text)[0]?.toJS() as Manifest;
    // a patch with a target says which by that, not by its own name
    return {
      ...merge(one, { ...change, metadata: { ...change.metadata, name: one.metadata.name } }),
    };
  });
}

/** The lists that a strategic merge merges by a key; every other list is replaced as a whole. */
const mergeKeys: Record<string, string> = {
  containers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
};

/** @see https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/ */
export function merge(base: Json, change: Json, field = ''): Json {
  if (Array.isArray(change)) {
    const key = mergeKeys[field];
    if (!key || !Array.isArray(base) || !change.every((item) => item?.[key] !== undefined))
      return change;
    const merged = base.map((item) => {
      const other = change.find((one) => one[key] === item[key]);
      return other === undefined ? item : merge(item, other);
    });
    return [...merged, ...change.filter((one) => !base.some((item) => item[key] === one[key]))];
  }
  if (!isObject(change) || !isObject(base)) return change;
  const result: Record<string, Json> = { ...base };
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete result[name];
    else result[name] = name in base ? merge(base[name], value, name) : value;
  }
  return result;
}

const isObject = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Renames all, and what names another of them with it: a secret or a CPU metric keeps its name. */
function suffix(manifests: Manifest[], end: string): void {
  const renamed = new Set(manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  const follow = (kind: string, name: string) =>
    renamed.has(`${kind}/${name}`) ? name + end : name;
  for (const manifest of manifests) {
    const target = manifest.spec?.scaleTargetRef;
    if (target) target.name = follow(target.kind, target.name);
    const pod = manifest.spec?.template?.spec;
    if (pod?.serviceAccountName) {
      pod.serviceAccountName = follow('ServiceAccount', pod.serviceAccountName);
    }
    manifest.metadata.name += end;
  }
}

/** On the object, in its selectors and in its pods, and so in the constraints that count these pods. */
function label(manifest: Manifest, pairs: Record<string, string>): void {
  manifest.metadata.labels = { ...manifest.metadata.labels, ...pairs };
  const { spec } = manifest;
  if (manifest.kind === 'Service') Object.assign(spec.selector, pairs);
  if (spec?.selector?.matchLabels) Object.assign(spec.selector.matchLabels, pairs);
  const { template } = spec ?? {};
  if (!template) return;
  Object.assign(template.metadata.labels, pairs);
  const { topologySpreadConstraints = [], affinity } = template.spec;
  const preferred =
    affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const terms = preferred.map((one: Json) => one.podAffinityTerm);
  for (const { labelSelector } of [...topologySpreadConstraints, ...terms]) {
    Object.assign(labelSelector.matchLabels, pairs);
  }
}

function setImage(
  manifests: Manifest[],
  { name, newName, newTag }: { name: string; newName?: string; newTag: string },
): void {
  for (const { spec } of manifests) {
    for (const container of spec?.template?.spec.containers ?? []) {
      if (container.image === name) container.image = `${newName ?? name}:${newTag}`;
    }
  }
}
