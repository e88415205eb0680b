export function servePage(
  folder: string,
  options?: { readonly port?: number; readonly isolated?: boolean },
): Promise<{ readonly url: string; close(): void }>;
