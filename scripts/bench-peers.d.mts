/** The peers by name: the path of each, or null where it is not built. */
export function findPeers(backend?: string): Record<string, string | null>;
