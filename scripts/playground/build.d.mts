export const PAGE: string;
export function buildPage(options?: { readonly quiet?: boolean }): Promise<void>;
