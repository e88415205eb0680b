import { describe, expect, it } from 'vitest';
import { engineHelp, parseEngineSetting } from '../../src/cli/options/engine-setting.js';
import {
  ENGINE_SETTINGS,
  type EngineOptions,
  refuseEngineOptions,
} from '../../src/options/engine-options.js';

const read = (...texts: string[]) =>
  texts.reduce<EngineOptions | undefined>((before, text) => parseEngineSetting(text, before), undefined);

describe('--engine KEY=VALUE', () => {
  it('gathers settings under their names in the library, the last of a key', () => {
    const texts = ['kv-type=q8_0', 'kv-cells=4096', 'flash-attention = on', 'attention=llama.cpp'];
    const settings = { kvType: 'q8_0', kvCells: 4096, flashAttention: 'on', attention: 'llama.cpp' };
    expect(read(...texts)).toEqual(settings);
    expect(read('workers=1', ...texts, 'workers=2')).toEqual({ ...settings, workers: 2 });
  });

  it.each([
    'workers=two',
    'workers=1.5',
    'workers=0x1g',
    'kv-cells=',
    'kv-type=F16',
    'kv_type=f16',
    'kvType=f16',
    'toString=1',
    '=1',
    'kv-type',
  ])('refuses %s', (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('has every setting in its help', () => {
    const help = engineHelp();
    for (const { help: said } of Object.values(ENGINE_SETTINGS)) expect(help).toContain(said);
    expect(help).toContain('kv-type=f16|q8_0: ');
    expect(help).toContain('workers=an integer from 1 to 64: ');
  });

  it('is refused by a generator whose setting it is not', () => {
    expect(() => refuseEngineOptions({ workers: 2 }, 'portable', ['asked for'])).toThrow(
      'engine.workers is for the native generator, and the portable one would run (asked for); leave it out',
    );
    expect(() => refuseEngineOptions({ workers: 1 }, 'portable', [])).not.toThrow();
    expect(() => refuseEngineOptions({ kvType: 'f16' }, 'native', [])).not.toThrow();
  });
});
