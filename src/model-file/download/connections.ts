// Connections that end quickly: limits on connecting, answering and silence, proxies of the environment, name lookups that can end.
// Knows sockets; nothing of models.

import { lookup as systemLookup } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP, type LookupFunction } from 'node:net';
import { type Dispatcher, EnvHttpProxyAgent } from 'undici';

/** Milliseconds after which a download gives up. */
export interface ConnectionLimits {
  /** Until a name is found and a connection stands; default 10,000. */
  readonly connectMs?: number;
  /** Until the server begins its answer; default 10,000. */
  readonly answerMs?: number;
  /** Without a byte of the answer; default 15,000. */
  readonly silenceMs?: number;
  /** Servers of names, as `address:port`; default the system's. */
  readonly nameServers?: readonly string[];
}

/**
 * What requests go through: straight, or by the proxies that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name (small letters
 * too). Destroy it in the end. Where `signal` aborts, questions to servers of names end at once, which would hold the process.
 */
export function openConnections(limits: ConnectionLimits = {}, signal?: AbortSignal): Dispatcher {
  const { connectMs = 10_000, answerMs = 10_000, silenceMs = 15_000 } = limits;
  const connect = {
    timeout: connectMs,
    lookup: boundedLookup({ timeoutMs: connectMs, servers: limits.nameServers, signal }),
  };
  const [httpProxy, httpsProxy] = [variable('http_proxy'), variable('https_proxy')];
  return new EnvHttpProxyAgent({
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    noProxy: variable('no_proxy') ?? '',
    connect,
    proxyTls: connect,
    headersTimeout: answerMs,
    bodyTimeout: silenceMs,
  });
}

/** The proxy that the environment names for a URL's scheme, without user and password; null where it names none. */
export function proxyFor(url: string): string | null {
  const proxy = variable(url.startsWith('https:') ? 'https_proxy' : 'http_proxy');
  if (proxy === undefined) return null;
  try {
    return new URL(proxy).host;
  } catch {
    return proxy;
  }
}

/** A variable of the environment in small or capital letters; blank is as if it were not set. */
function variable(name: string): string | undefined {
  return process.env[name] || process.env[name.toUpperCase()] || undefined;
}

/** How servers of names are asked. */
interface Question {
  readonly timeoutMs: number;
  readonly servers: readonly string[] | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * A lookup that ends in time. The system's own cannot be stopped and holds the process while no server of names answers,
 * so servers are first asked in a way that can be; the system answers once it is known that they do.
 */
function boundedLookup(question: Question): LookupFunction {
  return (name, options, callback) => {
    const bySystem = (): void => systemLookup(name, options, callback);
    if (isIP(name) !== 0) return bySystem();
    isKnownHere(name)
      .then(async (known) => {
        if (!known) await askServers(name, question);
        bySystem();
      })
      .catch((error: NodeJS.ErrnoException) => callback(error, '', 0));
  };
}

/** Whether the name needs no server: that of this machine, or one of the hosts file. */
async function isKnownHere(name: string): Promise<boolean> {
  if (name === 'localhost' || name.endsWith('.localhost') || process.platform === 'win32') return true;
  const hosts = await readFile('/etc/hosts', 'utf8').catch(() => '');
  return hosts.split(/[\s#]+/).includes(name);
}

/** Rejects where no server of names answers in time; an answer of any kind will do. */
async function askServers(name: string, { timeoutMs, servers, signal }: Question): Promise<void> {
  signal?.throwIfAborted();
  const resolver = new Resolver({ timeout: Math.max(500, Math.floor(timeoutMs / 3)), tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const stop = (): void => resolver.cancel();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await resolver.resolve4(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const silent = code === 'ETIMEOUT' || code === 'ECONNREFUSED' || code === 'ECANCELLED';
    if (!silent) return;
    throw Object.assign(new Error(`no server of names (DNS) answers about ${name}`), { code });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
