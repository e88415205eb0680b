// The page as a server gives it: it judges through that server, and says in place what goes wrong.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/reward-server.js';
import { judge, NO_CHROMIUM, type Opened, openChromium, shownScores } from './chromium.js';

describe.skipIf(NO_CHROMIUM)('the page of a server', () => {
  let server: TestServer;
  let opened: Opened;
  beforeAll(async () => {
    server = await startServer();
    opened = await openChromium({ served: `${server.server.url}/` });
  });
  afterAll(async () => {
    await opened?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it('judges through the server, without another host and without a broken policy', async () => {
    const { page, outside, errors } = await opened.page();
    await page.goto(opened.url);
    await page.getByText('fake').first().waitFor();
    await judge(page, 4);
    expect((await shownScores(page)).every((score) => score >= 1 && score <= 10)).toBe(true);
    expect(await page.locator('.chain').count()).toBe(4);
    expect(await page.locator('.headline').textContent()).toMatch(/wins|tie/);
    expect(outside).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('is given with a strict policy, and no way out of its folder', async () => {
    const page = await fetch(opened.url);
    const policy = page.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    for (const path of ['assets/..%2f..%2fpackage.json', 'assets/none.js', 'assets/.hidden']) {
      expect((await fetch(`${opened.url}${path}`)).status).toBe(404);
    }
  });

  it('asks for the token that a server wants', async () => {
    const token = 'a-token-of-many-characters';
    await using guarded = await startServer({ token });
    await using other = await openChromium({ served: `${guarded.server.url}/` });
    const { page } = await other.page();
    await page.goto(other.url);
    await page.getByRole('button', { name: 'Judge', exact: true }).click();
    await page.getByLabel('Token of this server').fill(token);
    await page.getByRole('button', { name: 'Judge with it' }).click();
    await page.getByText('4 of 4 chains written').waitFor();
  });

  it('says that the server went away, and keeps what came', async () => {
    const going = await startServer();
    await using other = await openChromium({ served: `${going.server.url}/` });
    const { page } = await other.page();
    await page.goto(other.url);
    await judge(page, 2);
    const chain = (await page.locator('.chain').first().textContent())!;
    await going[Symbol.asyncDispose]();
    await page.getByRole('button', { name: 'Judge again' }).click({ timeout: 5_000 });
    await page.getByText(/^SERVER_GONE: the server does not answer/).waitFor();
    expect(await page.locator('.chain').first().textContent()).toBe(chain);
  });
});
