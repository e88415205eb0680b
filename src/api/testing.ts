/**
 * A generator without a model for tests of what is built on one, and the laws that every generator keeps.
 * @module pgenrm/testing
 */

export type { ConformanceCase } from '../testing/conformance.js';
export { generatorConformance } from '../testing/conformance.js';
export type { FakeSample } from '../testing/fake-chains.js';
export { byLength, chainText } from '../testing/fake-chains.js';
export type { FakeOptions } from '../testing/fake-generator.js';
export { FAKE_CHAT_TEMPLATE, FakeGenerator, promptText } from '../testing/fake-generator.js';
export type { FakePlanScript } from '../testing/fake-plans.js';
