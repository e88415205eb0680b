// Each response has its colour, wherever it is shown.

const HUES = 6;

/** The style by which what is inside takes the colour of a response. */
export function hue(response: number): Record<string, string> {
  return { '--own': `var(--response-${response % HUES})` };
}
