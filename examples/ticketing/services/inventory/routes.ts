import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { paths } from '../../addresses.ts';
import { holdRequestSchema } from '../../contract.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { userOf } from '../auth/routes.ts';
import { ProblemError, parse } from '../problem.ts';
import type { AvailabilityFeed } from './availability.ts';
import type { Holds } from './holds.ts';

type ById = { Params: { id: string } };

export function inventoryRoutes(
  app: FastifyInstance,
  deps: { holds: Holds; availability: AvailabilityFeed; tokens: AccessTokens },
): void {
  const { holds, availability, tokens } = deps;

  app.get<{ Params: { slug: string } }>(paths.availability(':slug'), (request) =>
    availability.snapshot(request.params.slug),
  );

  app.post(paths.holds, async (request, reply) => {
    const user = await userOf(request, tokens);
    const held = await holds.hold(parse(holdRequestSchema, request.body), user.id);
    return reply.code(201).send(held);
  });

  app.get<ById>(paths.hold(':id'), async (request) => {
    const user = await userOf(request, tokens);
    return holds.read(holdId(request.params.id), user.id);
  });

  app.delete<ById>(paths.hold(':id'), async (request, reply) => {
    const user = await userOf(request, tokens);
    await holds.release(holdId(request.params.id), user.id);
    return reply.code(204).send();
  });
}

function holdId(text: string): string {
  if (z.uuid().safeParse(text).success) return text;
  throw new ProblemError('not_found', 'There is no such hold.');
}
