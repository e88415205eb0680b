// Draws vega-lite specifications as SVG text. The drawing libraries are loaded when the first picture is drawn.
// Knows nothing of what a picture shows.

import { messageOf, PgenrmError } from '../errors.js';

/** As much of vega and vega-lite as is used. */
interface Vega {
  parse(spec: unknown): unknown;
  View: new (
    runtime: unknown,
    options: { renderer: 'none' },
  ) => { toSVG(): Promise<string>; finalize(): void };
}
interface VegaLite {
  compile(spec: unknown): { readonly spec: unknown };
}

/** Draws specifications as SVG. */
export type Draw = (spec: Readonly<Record<string, unknown>>) => Promise<string>;

/**
 * Loads the drawing libraries. Needs no browser and no canvas; text is measured by estimate.
 * Errors: `INTERNAL` where the libraries, optional peers of the package, are not installed or do not load.
 */
export async function loadDraw(): Promise<Draw> {
  const [vega, lite] = (await Promise.all(['vega', 'vega-lite'].map(load))) as [Vega, VegaLite];
  let pictures = 0;
  return async (spec) => {
    const view = new vega.View(vega.parse(lite.compile(spec).spec), { renderer: 'none' });
    try {
      pictures += 1;
      return ownIds(await view.toSVG(), `picture${pictures}-`);
    } finally {
      view.finalize();
    }
  };
}

async function load(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (error) {
    throw new PgenrmError(
      'INTERNAL',
      `pictures need the packages vega and vega-lite; ${name} cannot be loaded (${messageOf(error)}): npm install vega vega-lite`,
      { cause: error },
    );
  }
}

/** Ids of a picture are its own, so that several can stand in one page; control characters have no place in XML. */
function ownIds(svg: string, prefix: string): string {
  return svg.replace(/[^\P{Cc}\n\t]/gu, ' ').replace(/( id="|url\(#|href="#)/g, `$1${prefix}`);
}
