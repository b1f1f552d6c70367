import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** An API in a process of its own that keeps nothing and refuses nothing. */
export interface EndlessApi {
  /** `GET /records?offset=&limit=` lists, 100 at most; `POST /records/bulk` takes 100 at most. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts one. @param records how many it lists */
export async function startEndlessApi(records: number): Promise<EndlessApi> {
  const main = fileURLToPath(new URL('./endless-api-process.ts', import.meta.url));
  const child = fork(main, [String(records)], { execArgv: ['--import', 'tsx'] });
  const [url] = (await once(child, 'message')) as [string];
  return {
    url,
    close: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}
