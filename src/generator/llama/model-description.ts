// What a loaded model is called. Knows nothing of how it was loaded.

const COUNT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 2 });

/** llama.cpp's description of a model, with the parameter count where llama.cpp knows no name for the size and writes `?B`. */
export function describeModel(description: string, parameters: number): string {
  return description.replace('?B', COUNT.format(parameters));
}
