// Which backend decodes, by name. Apart from the library that is chosen, so that who uses the types needs none of node-llama-cpp's.

/** Which backend decodes: `auto` takes the best that works, `off` the CPU. */
export const GPU_CHOICES = ['auto', 'cuda', 'metal', 'vulkan', 'off'] as const;

/** Where layers are computed. @useDeclaredType */
export type GpuChoice = (typeof GPU_CHOICES)[number];
