/**
 * `sluice/kit`: the parts of which connectors of HTTP APIs are made. A client that proves who calls, classes failures and
 * shows no secret; bodies; lists page by page; results per record; values of JSON.
 */
export type { Auth, ClientCredentials, JwtBearer, OAuth2, RefreshToken } from './auth/auth.ts';
export { csvOf, parseCsv } from './csv.ts';
export type { CsvTable } from './csv.ts';
export { formBody, multipartBody, textBody } from './http/body.ts';
export type { EncodedBody, FilePart } from './http/body.ts';
export type { Answer, Call } from './http/call.ts';
export { HttpClient } from './http/client.ts';
export type { ClientOptions } from './http/client.ts';
export type { Echo } from './http/echo.ts';
export { unexpected } from './http/failures.ts';
export type { LimitsOf } from './http/limits.ts';
export { refusal, resultOf } from './http/refusal.ts';
export { resultsByName, resultsByPosition, textsAt } from './http/results.ts';
export type { Judge, ResultNames } from './http/results.ts';
export { parseJson, stringifyJson } from './json.ts';
export type { ListCall, Paging, Params } from './pages/list.ts';
export { readPage, recordsAt } from './pages/pages.ts';
export type { ApiPage } from './pages/pages.ts';
export { batchOf, readChunk } from './pages/read-list.ts';
export type { Reading } from './pages/read-list.ts';
export { at, fillPath, nest, PathError, withAt } from './paths.ts';
