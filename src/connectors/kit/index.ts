/** What `import … from 'sluice/kit'` gives to connectors of HTTP APIs: a client, and what refusals and JSON values mean. */
export type { Auth, ClientCredentials } from './auth/auth.ts';
export type { Answer, Call } from './http/call.ts';
export { HttpClient } from './http/client.ts';
export type { ClientOptions } from './http/client.ts';
export { unexpected } from './http/failures.ts';
export type { LimitsOf } from './http/limits.ts';
export { resultOf } from './http/refusal.ts';
export { parseJson, stringifyJson } from './json.ts';
export { at } from './paths.ts';
