// What a picture is, and the looks that all pictures share: readable on light and on dark ground.
// Knows vega-lite specifications as plain data; drawing is `draw.ts`.

import { messageOf } from '../errors.js';
import type { Draw } from './draw.js';

/** A vega-lite specification and its caption. */
export interface Chart {
  readonly title: string;
  /** For readers who do not see the picture. */
  readonly description: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A chart and its SVG text; null where it could not be drawn. */
export interface Picture {
  readonly chart: Chart;
  readonly svg: string | null;
}

const COLOURS = ['#2f7fd1', '#d9730d', '#3a9d5d', '#c2419b', '#8a6fd8', '#b58900', '#1b9aaa', '#d0453e'];

export const CHART_WIDTH = 560;

/** Text and lines take the colour of the page; the page knows whether it is dark. */
export const CHART_CONFIG = {
  background: null,
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    tickColor: 'currentColor',
    domainColor: 'currentColor',
    gridColor: 'currentColor',
    gridOpacity: 0.15,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 260,
  },
  legend: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    symbolBaseFillColor: 'currentColor',
    labelFontSize: 12,
    titleFontSize: 12,
    labelLimit: 260,
  },
  header: { labelColor: 'currentColor', titleColor: 'currentColor', labelFontSize: 12 },
  range: { category: COLOURS },
};

/** Ink of pages, on light ground and on dark. */
export const INK = { light: '#1b1f24', dark: '#e6edf3' };

/** A picture as a file of its own, which no page gives a colour: its ink follows what the reader's system prefers. */
export function standaloneSvg(svg: string): string {
  const style = `<style>:root { color: ${INK.light}; } @media (prefers-color-scheme: dark) { :root { color: ${INK.dark}; } }</style>`;
  return `${svg.replace(/<svg[^>]*>/, (tag) => `${tag}${style}`)}\n`;
}

/** Draws charts; where the drawing libraries cannot be loaded the pictures are empty and the reason is told. */
export async function drawnCharts(
  charts: readonly Chart[],
  load: () => Promise<Draw>,
): Promise<{ readonly pictures: Picture[]; readonly withoutPictures: string | null }> {
  try {
    const draw = await load();
    const pictures: Picture[] = [];
    for (const chart of charts) pictures.push({ chart, svg: await draw(chart.spec) });
    return { pictures, withoutPictures: null };
  } catch (error) {
    return { pictures: charts.map((chart) => ({ chart, svg: null })), withoutPictures: messageOf(error) };
  }
}
