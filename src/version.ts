// The version of this package, as in its package.json; a test holds both together. A constant, so that a bundle has it too.

/** Such as `1.2.3`. */
export const PACKAGE_VERSION = '0.1.0';
