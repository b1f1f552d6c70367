import type { Database } from '../../test/support/database.ts';
import { say, timed } from '../support/measure.ts';
import { isWanted, type BenchOptions } from '../support/options.ts';
import type { Contender, Peer } from './contender.ts';
import { openDlt } from './dlt.ts';
import { openIngestr } from './ingestr.ts';
import { openSinger } from './singer.ts';
import { openSling } from './sling.ts';

const peers: Record<string, (source: Database) => Promise<Peer>> = {
  sling: openSling,
  dlt: openDlt,
  singer: openSinger,
  ingestr: openIngestr,
};

/** The peers that are here or can be installed; says why one is skipped. */
export async function openPeers(source: Database, options: BenchOptions): Promise<Peer[]> {
  const opened: Peer[] = [];
  for (const [name, open] of Object.entries(peers)) {
    if (!isWanted(options, name)) continue;
    try {
      opened.push(await open(source));
    } catch (error) {
      say(`${name} is skipped: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  return opened;
}

/** A peer as a contender. */
export function asContender(peer: Peer): Contender {
  return {
    ...peer,
    mayFail: true,
    run: async (scenario, round) => {
      const { command, args, env } = peer.commandOf(scenario, round);
      const { seconds } = await timed(command, args, env);
      return { seconds };
    },
  };
}
