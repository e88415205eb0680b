// What the machine's measured peak is, as a bench records it, and in words.
// The measuring is the generator's side (`generator/peak-kernel.ts`).

/** A measured peak, or why there is none. */
export type PeakShape =
  | {
      /** Of the fastest matrix product; a multiplication and an addition are two. */
      readonly flopsPerSecond: number;
      readonly medianFlopsPerSecond: number;
      /** Against a product in double precision. */
      readonly relativeError: number;
      readonly products: number;
      /** Shape: weights [outputs x inner] times activations [rows x inner]. */
      readonly inner: number;
      readonly outputs: number;
      readonly rows: number;
      /** Of the weights, as in the model. */
      readonly type: string;
      readonly buffer: string;
      readonly device: string;
      readonly threads: number;
      readonly untold?: undefined;
    }
  | { readonly untold: string };

/** How the peak was measured, in words. */
export function peakText(peak: PeakShape): string {
  if (peak.untold !== undefined) return `peak not measured: ${peak.untold}`;
  const { flopsPerSecond, outputs, inner, rows, type, buffer, device, threads, products } = peak;
  return (
    `peak ${(flopsPerSecond / 1e9).toFixed(1)} GFLOP/s: the fastest of ${products} products of ggml, weights ` +
    `${outputs} x ${inner} of ${type} (buffer ${buffer}) times ${rows} rows of f32, on ${device}, ${threads} threads`
  );
}
