import { describe, expect, it } from 'vitest';
import { describeModel } from '../../src/generator/llama/model-description.js';

describe('describeModel', () => {
  it('names the size that llama.cpp has no name for', () => {
    expect(describeModel('llama ?B Q8_0', 3_456_789)).toBe('llama 3.5M Q8_0');
    expect(describeModel('llama ?B F16', 60_100_000)).toBe('llama 60M F16');
  });

  it('leaves a size that llama.cpp knows', () => {
    expect(describeModel('llama 8B Q8_0', 8_030_261_312)).toBe('llama 8B Q8_0');
  });
});
