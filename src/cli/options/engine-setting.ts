// One setting of a generator's engine on the command line: `--engine kv-type=q8_0`.
// Knows how names are written there; the settings are those of options/engine-options.ts.

import { PgenrmError } from '../../errors.js';
import {
  checkEngineValue,
  ENGINE_SETTINGS,
  type EngineOptions,
  type EngineSetting,
  engineSetting,
} from '../../options/engine-options.js';
import { describeRange } from '../../options/option-range.js';

/** `kvType` as the command line writes it: `kv-type`. */
export function keyOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function nameOf(key: string): string {
  return key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Adds `KEY=VALUE` to the settings so far; a key that comes again counts as it comes last. Errors: `INVALID_OPTION`. */
export function parseEngineSetting(text: string, before: EngineOptions | undefined): EngineOptions {
  const at = text.indexOf('=');
  const keys = Object.keys(ENGINE_SETTINGS).map(keyOf).join(', ');
  if (at < 1) throw new PgenrmError('INVALID_OPTION', `It must be KEY=VALUE, the key one of ${keys}.`);
  const key = text.slice(0, at).trim();
  const name = nameOf(key);
  const setting = keyOf(name) === key ? engineSetting(name) : undefined;
  if (setting === undefined)
    throw new PgenrmError('INVALID_OPTION', `There is no setting ${key}; there are ${keys}.`);
  const value = wordOrNumber(text.slice(at + 1).trim(), setting);
  checkEngineValue(key, value, setting);
  return { ...before, [name]: value };
}

function wordOrNumber(text: string, setting: EngineSetting): string | number {
  if ('choices' in setting || text === '' || !Number.isFinite(Number(text))) return text;
  return Number(text);
}

/** What `--engine` takes, in words. */
export function engineHelp(): string {
  const settings = Object.entries(ENGINE_SETTINGS).map(([name, setting]: [string, EngineSetting]) => {
    const values = 'choices' in setting ? setting.choices.join('|') : describeRange(setting.range);
    return `${keyOf(name)}=${values}: ${setting.help}`;
  });
  return `a setting of the native engine, once for each: ${settings.join('; ')}`;
}
