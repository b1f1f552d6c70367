// Compiles the sources and bundles the workflows ahead, so that a worker starts without webpack.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

rmSync(path('dist'), { recursive: true, force: true });
// The declarations are only for who writes a connector: of what the package exports.
for (const project of ['tsconfig.build.json', 'tsconfig.types.json'])
  execFileSync(process.execPath, [path('node_modules/typescript/bin/tsc'), '-p', path(project)], {
    stdio: 'inherit',
  });
const { code } = await bundleWorkflowCode({
  workflowsPath: path('dist/workflows/index.js'),
  logger: { trace() {}, debug() {}, info() {}, log() {}, warn: console.warn, error: console.error },
});
writeFileSync(path('dist/workflows.bundle.js'), code);
chmodSync(path('dist/src/cli/main.js'), 0o755);
