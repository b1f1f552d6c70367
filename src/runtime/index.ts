export { startDev } from './dev.ts';
export { startCommandServer } from './command-server.ts';
export { rotateKey } from './rotate-key.ts';
export { startServer } from './standalone.ts';
export { startWorker } from './standalone.ts';
