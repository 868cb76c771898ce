/** The OpenAPI 3.1 document of the shop, made of the very schemas that the routes are checked by. */
import { z } from 'zod';
import { api } from '../api.ts';
import type { Route } from '../api-route.ts';
import { type ProblemCode, problemCodes, problemSchema } from '../contract.ts';

type Json = Record<string, unknown>;
export type OpenApiDocument = {
  openapi: string;
  info: Json;
  paths: Record<string, Record<string, Json>>;
  components: Json;
};

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
};
const json = (schema: Json) => ({ 'application/json': { schema } });
const problem = { $ref: '#/components/schemas/Problem' };

/** One document for all services: clients know one shop. */
export function openApiDocument(): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const [operationId, route] of Object.entries(api as Record<string, Route>)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(operationId, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'The ticket shop',
      version: '1.0.0',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      schemas: { Problem: schemaOf(problemSchema, 'output') },
      securitySchemes: {
        accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        session: { type: 'apiKey', in: 'cookie', name: 'session' },
      },
    },
  };
}

function operation(operationId: string, route: Route): Json {
  const responses: Json = {
    [route.status]: {
      description: 'Success',
      ...(route.answer ? { content: json(schemaOf(route.answer, 'output')) } : {}),
    },
  };
  for (const [status, codes] of problemsOf(route)) {
    responses[status] = { description: codes.join(', '), content: json(problem) };
  }
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')];
  const security = [
    ...(route.access === 'anybody' ? [] : [{ accessToken: [] }]),
    ...(route.cookie && !route.body ? [{ session: [] }] : []),
  ];
  return {
    operationId,
    summary: route.summary,
    tags: [route.service],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body
      ? { requestBody: { required: true, content: json(schemaOf(route.body, 'input')) } }
      : {}),
    responses,
    ...(security.length > 0 ? { security } : {}),
  };
}

/** The refusals of a route by status: its own, and those that its kind of route always may give. */
export function problemsOf(route: Route): Map<number, ProblemCode[]> {
  const codes: ProblemCode[] = [
    'invalid_input',
    'too_many_attempts',
    'unavailable',
    ...(route.access === 'anybody' ? [] : (['unauthorized'] as const)),
    ...(route.cookie || !['anybody', 'user'].includes(route.access)
      ? (['forbidden'] as const)
      : []),
    ...(route.params ? (['not_found'] as const) : []),
    ...(route.body ? (['too_large'] as const) : []),
    ...(route.problems ?? []),
  ];
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes)) {
    const status = problemCodes[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}
