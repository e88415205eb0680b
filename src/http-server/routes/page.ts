// `/` and `/assets`: the page by which people look at judgments; it asks this server.
// Knows where the built page lies; what it shows is `app/`.

import { readFile } from 'node:fs/promises';
import { packageFile } from '../../package.js';
import { refusal } from '../failures.js';
import { type Call, type Route, route } from '../route.js';

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};

/** What a page may load and ask: this server alone. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The tag by which the page knows who judges, as it is built and as this server gives it. */
const BUILT_TAG = '<meta name="pgenrm-engine" content="browser" />';
const SERVED_TAG = '<meta name="pgenrm-engine" content="server" />';

async function pageFile(...parts: string[]): Promise<Response> {
  const name = parts.at(-1)!;
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)];
  const bytes =
    type === undefined ? null : await readFile(packageFile('dist', 'page', ...parts)).catch(() => null);
  if (bytes === null) {
    throw refusal(
      'NOT_FOUND',
      name === 'index.html'
        ? 'the page is not built here: npm run playground -- --build; GET /openapi.json lists what else there is'
        : `the page has no file ${name}; load it again`,
    );
  }
  const body = name === 'index.html' ? bytes.toString('utf8').replace(BUILT_TAG, SERVED_TAG) : bytes;
  return new Response(body, {
    headers: {
      'content-type': type!,
      'content-security-policy': POLICY,
      'cache-control': name === 'index.html' ? 'no-cache' : 'public, max-age=31536000, immutable',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  });
}

export const PAGE_ROUTES: readonly Route[] = [
  route({
    method: 'get',
    path: '/',
    summary: 'A page that judges through this server, for people.',
    answer: 'text',
    open: true,
    run: async () => pageFile('index.html'),
  }),
  route({
    method: 'get',
    path: '/assets/:file',
    summary: 'What the page is made of.',
    answer: 'text',
    open: true,
    run: async ({ params }: Call<unknown>) => {
      const file = params.file ?? '';
      // A name alone: no folder, no way up.
      return pageFile('assets', /^[\w-][\w.-]*$/.test(file) ? file : 'none');
    },
  }),
];
