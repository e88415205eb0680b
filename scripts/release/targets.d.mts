/** The platforms that get a prebuilt addon, in npm's words; `zig` is the compiler's target. */
export const TARGETS: Readonly<
  Record<string, { readonly os: string; readonly cpu: string; readonly libc?: string; readonly zig: string }>
>;
/** Package name of a target. */
export function packageName(target: string): string;
