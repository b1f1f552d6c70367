/** The exports of `sluice/testing`, for tests of connectors that are not part of Sluice. The tests run in vitest. */
export { connectDirectly } from '../../src/connectors/testing/direct.ts';
export type { DirectConnection } from '../../src/connectors/testing/direct.ts';
export { suiteFields, suiteTarget } from './harness.ts';
export type { Harness, TargetOptions } from './harness.ts';
export { connectorSuite } from './suite.ts';
export type { SuiteParts } from './suite.ts';
