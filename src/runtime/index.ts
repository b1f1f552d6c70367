export { startDev } from './dev.ts';
export { startOccasion } from './occasion.ts';
export { rotateKey } from './rotate-key.ts';
export { startServer } from './standalone.ts';
export { startWorker } from './standalone.ts';
