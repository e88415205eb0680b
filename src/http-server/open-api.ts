// The OpenAPI description of the server, made from the routes and their schemas.
// Knows OpenAPI 3.1.

import { z } from 'zod';
import { PACKAGE_VERSION } from '../version.js';
import type { Route } from './route.js';
import { FAILURE } from './shapes/common.js';

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): object => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
};

/** The description as plain data. */
export function openApiOf(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of routes) {
    const path = one.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][one.method] = operation(one);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'pgenrm reward server',
      version: PACKAGE_VERSION,
      description: 'Judges responses as one user would. Rewards in [0, 1] are (score - 1) / 9.',
    },
    paths,
    components: {
      schemas: { Failure: schemaOf(FAILURE, 'output') },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
    security: [{}, { token: [] }],
  };
}

function operation({ method, path, summary, body, answer, open }: Route): object {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
  const content =
    answer === 'text'
      ? { 'text/plain': { schema: { type: 'string' } } }
      : {
          'application/json': {
            schema: answer === 'openapi' ? { type: 'object' } : schemaOf(answer, 'output'),
          },
        };
  return {
    operationId: `${method}${path.replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    ...(names.length === 0
      ? {}
      : {
          parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
        }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemaOf(body, 'input') } },
          },
        }),
    responses: {
      200: { description: 'done', content },
      default: {
        description: 'not done, with a code',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
      },
    },
    ...(open === true ? { security: [] } : {}),
  };
}
