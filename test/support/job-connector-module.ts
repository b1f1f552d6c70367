import { jobSystem } from './job-connector.ts';

/** The job system as a connector from outside, `type: ./job-connector-module.ts`. */
export default jobSystem;
