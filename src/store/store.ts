import { DuplicateGroups } from './entities/duplicate-groups.ts';
import { Entities } from './entities/entities.ts';
import { EntityLog } from './entities/entity-log.ts';
import { GoldenRecords } from './entities/golden-records.ts';
import { GoldenViews } from './entities/golden-views.ts';
import { MatchKeys } from './entities/match-keys.ts';
import { MissingSources } from './entities/missing-sources.ts';
import { Positions } from './entities/positions.ts';
import { RefusedRecords } from './entities/refused-records.ts';
import { SeenIds } from './entities/seen-ids.ts';
import { SourceRecords } from './entities/source-records.ts';
import { Catalog } from './catalog.ts';
import { Chunks } from './runs/chunks.ts';
import type { Database } from './database/database.ts';
import { Memories } from './memories.ts';
import { Jobs } from './runs/jobs.ts';
import { Journal } from './runs/journal.ts';
import { Passes } from './runs/passes.ts';
import { Ledger } from './runs/ledger.ts';
import { Previews } from './runs/previews.ts';
import { Quotas } from './quotas.ts';
import { RecordErrors } from './runs/record-errors.ts';
import { Leftovers } from './runs/leftovers.ts';
import { RunPlans } from './runs/run-plans.ts';
import { RunProgress } from './runs/run-progress.ts';
import { Runs } from './runs/runs.ts';
import { SeenKeys } from './runs/seen-keys.ts';
import { StagedTexts } from './runs/staged-texts.ts';
import { SkippedTicks } from './runs/skipped-ticks.ts';
import type { Seal } from './sealing/seal.ts';
import { Watermarks } from './runs/watermarks.ts';

/** The state store: everything Sluice remembers outside Temporal. */
export interface Store {
  readonly catalog: Catalog;
  readonly runs: Runs;
  readonly runPlans: RunPlans;
  readonly runProgress: RunProgress;
  readonly leftovers: Leftovers;
  readonly skippedTicks: SkippedTicks;
  readonly chunks: Chunks;
  readonly staged: StagedTexts;
  readonly seenKeys: SeenKeys;
  readonly journal: Journal;
  readonly jobs: Jobs;
  readonly passes: Passes;
  readonly errors: RecordErrors;
  readonly ledger: Ledger;
  readonly watermarks: Watermarks;
  readonly previews: Previews;
  readonly quotas: Quotas;
  readonly memories: Memories;
  readonly entities: Entities;
  /** Unified records as cycles change them. */
  readonly records: GoldenRecords;
  readonly matchKeys: MatchKeys;
  readonly sourceRecords: SourceRecords;
  readonly seenIds: SeenIds;
  /** Unified records as they are read. */
  readonly golden: GoldenViews;
  readonly log: EntityLog;
  readonly groups: DuplicateGroups;
  readonly positions: Positions;
  readonly missingSources: MissingSources;
  readonly refused: RefusedRecords;
  readonly seal: Seal;
}

/** The store over an open database. */
export function createStore(db: Database, seal: Seal): Store {
  const matchKeys = new MatchKeys(db, seal);
  const sourceRecords = new SourceRecords(db, seal);
  return {
    catalog: new Catalog(db, seal),
    runs: new Runs(db, seal),
    runPlans: new RunPlans(db, seal),
    runProgress: new RunProgress(db, seal),
    leftovers: new Leftovers(db),
    skippedTicks: new SkippedTicks(db),
    chunks: new Chunks(db, seal),
    staged: new StagedTexts(db, seal),
    seenKeys: new SeenKeys(db),
    journal: new Journal(db, seal),
    jobs: new Jobs(db, seal),
    passes: new Passes(db, seal),
    errors: new RecordErrors(db, seal),
    ledger: new Ledger(db, seal),
    watermarks: new Watermarks(db, seal),
    previews: new Previews(db, seal),
    quotas: new Quotas(db),
    memories: new Memories(db, seal),
    entities: new Entities(db),
    records: new GoldenRecords(db, matchKeys, sourceRecords),
    matchKeys,
    sourceRecords,
    seenIds: new SeenIds(db, seal),
    golden: new GoldenViews(db, seal),
    log: new EntityLog(db, seal),
    groups: new DuplicateGroups(db),
    positions: new Positions(db, seal),
    missingSources: new MissingSources(db),
    refused: new RefusedRecords(db),
    seal,
  };
}
