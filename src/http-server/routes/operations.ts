// `/health`, `/ready`, `/metrics`, `/openapi.json`: how the server does, and what it offers.
// Knows nothing of judging.

import { type Call, type Route, route } from '../route.js';
import { HEALTH } from '../shapes/others.js';

export const OPERATION_ROUTES: readonly Route[] = [
  route({
    method: 'get',
    path: '/health',
    summary: 'Whether the process is alive.',
    answer: HEALTH,
    open: true,
    run: async ({ server }: Call<unknown>) => server.health(),
  }),
  route({
    method: 'get',
    path: '/ready',
    summary: 'Whether requests are taken: 503 while the model loads and once the server was asked to stop.',
    answer: HEALTH,
    open: true,
    run: async ({ server }: Call<unknown>) => {
      const health = server.health();
      return Response.json(health, { status: health.status === 'ok' ? 200 : 503 });
    },
  }),
  route({
    method: 'get',
    path: '/metrics',
    summary: "Figures in Prometheus' text format.",
    answer: 'text',
    run: async ({ server }: Call<unknown>) => {
      const { body, type } = await server.metrics();
      return new Response(body, { headers: { 'content-type': type } });
    },
  }),
];
