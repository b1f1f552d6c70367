/**
 * The import boundaries of docs/architecture.md. The parser (swc) does not tell an import of types from one of
 * values, so the modules that hold nothing but types, the contracts, are named here and may be imported anywhere.
 */
const contracts = [
  'src/connectors/contract/',
  'src/api/services\\.ts$',
  'activities/activities\\.ts$',
];
const test = '\\.test\\.ts$|/testing/';

/** What a folder may import, besides packages and contracts. */
const only = (from, allowed, comment) => ({
  name: `${from.replaceAll('/', '-')}-boundary`,
  comment,
  severity: 'error',
  from: { path: `^${from}/`, pathNot: test },
  to: {
    path: '^(src|workflows|activities)/',
    pathNot: `^((${allowed.join('|')})/|${contracts.join('|')})`,
  },
});

/** The folders of activities from the top down: each imports those below it. */
const floors = ['cycle', 'run', 'session', 'entity', 'paths', 'ends', 'quota', 'host'];
const onlyDownstairs = floors.slice(1).map((folder, above) => ({
  name: `activities-${folder}-imports-downwards`,
  comment: 'A reader goes from the top floor down, and never back up.',
  severity: 'error',
  from: { path: `^activities/${folder}/`, pathNot: test },
  to: { path: `^activities/(${floors.slice(0, above + 1).join('|')})/`, pathNot: test },
}));

/** Packages and node's own modules that a folder must do without. */
const without = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: test },
  to,
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules that need each other are one module or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'Every import leads somewhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    only('src/model', ['src/model'], 'The vocabulary depends on nothing.'),
    only('src/engine', ['src/engine', 'src/model'], 'The engine is pure.'),
    only(
      'src/connectors',
      ['src/connectors', 'src/model'],
      'A connector knows no store, no engine.',
    ),
    only('src/store', ['src/store', 'src/model'], 'The store knows only the vocabulary.'),
    only('src/api', ['src/api', 'src/model'], 'The API is given its services.'),
    only(
      'src/project',
      ['src/project', 'src/model', 'src/engine', 'src/connectors'],
      'Reads project files.',
    ),
    only(
      'workflows',
      ['workflows', 'src/model', 'src/engine'],
      'Workflow code is deterministic (R11).',
    ),
    only(
      'activities',
      ['activities', 'src/model', 'src/engine', 'src/connectors', 'src/store'],
      'Activities are given what they need.',
    ),
    ...onlyDownstairs,
    {
      name: 'no-sibling-connectors',
      comment: 'A connector imports the contract, the kit and the vocabulary, never another.',
      severity: 'error',
      from: { path: '^src/connectors/([^/]+)/', pathNot: test },
      to: {
        path: '^src/connectors/',
        pathNot: '^src/connectors/($1|contract|kit)/',
      },
    },
    {
      name: 'contract-depends-on-nothing',
      comment: 'The contract is made of the vocabulary alone.',
      severity: 'error',
      from: { path: '^src/connectors/contract/', pathNot: test },
      to: { path: '^src/connectors/', pathNot: '^src/connectors/contract/' },
    },
    {
      name: 'kit-knows-no-connector',
      comment: 'What vendors share knows none of them.',
      severity: 'error',
      from: { path: '^src/connectors/kit/', pathNot: test },
      to: { path: '^src/connectors/', pathNot: '^src/connectors/(contract|kit)/' },
    },
    {
      name: 'registry-alone-knows-connectors',
      comment: 'Adding a connector touches its folder and one line of the registry.',
      severity: 'error',
      from: { pathNot: `^src/connectors/([^/]+/|registry\\.ts)|${test}` },
      to: { path: '^src/connectors/[^/]+/', pathNot: '^src/connectors/(contract|kit)/' },
    },
    without(
      'engine-is-pure',
      '^src/engine/',
      { dependencyTypes: ['core'] },
      'The engine does no I/O and knows no platform.',
    ),
    without(
      'engine-without-drivers',
      '^src/engine/',
      { path: 'node_modules/(pg|kysely|@temporalio|hono)' },
      'The engine does no I/O.',
    ),
    without(
      'workflows-are-deterministic',
      '^workflows/',
      { path: 'node_modules/', pathNot: 'node_modules/(@temporalio/(workflow|common)|nexus-rpc)/' },
      'Workflow code imports @temporalio/workflow only (R11).',
    ),
    without(
      'workflows-without-node',
      '^workflows/',
      { dependencyTypes: ['core'] },
      'Workflow code runs in a sandbox (R11).',
    ),
    {
      name: 'no-tests-in-product',
      comment: 'What ships does not import what tests.',
      severity: 'error',
      from: { path: '^(src|workflows|activities)/', pathNot: test },
      to: { path: test },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules/\\.)' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
