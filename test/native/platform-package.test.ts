// The platforms that a release is built for are those that the package looks for.
import { afterEach, describe, expect, it } from 'vitest';
import { packageName, TARGETS } from '../../scripts/release/targets.mjs';
import { platformPackage } from '../../src/native/platform-package.js';

const real = { platform: process.platform, arch: process.arch };

function runOn(platform: string, arch: string): void {
  Object.defineProperty(process, 'platform', { value: platform });
  Object.defineProperty(process, 'arch', { value: arch });
}

describe('platformPackage', () => {
  afterEach(() => runOn(real.platform, real.arch));

  it.each(Object.entries(TARGETS))('names the package that is built for %s', (target, { os, cpu }) => {
    runOn(os, cpu);
    expect(platformPackage()).toEqual({ name: packageName(target), reason: '' });
  });

  it('says that there is none for another platform', () => {
    runOn('freebsd', 'x64');
    expect(platformPackage()).toEqual({ name: null, reason: 'there is no prebuilt addon for freebsd-x64' });
  });
});
