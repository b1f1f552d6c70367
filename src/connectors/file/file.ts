import { allModes } from '../../model/mode.ts';
import type { Connector } from '../contract/connector.ts';
import { FileConnection, globRefusal, unsorted } from './connection.ts';
import { isGlob } from './stored/glob.ts';
import {
  destinationOptionsSchema,
  settingsSchema,
  sourceOptionsSchema,
  type FileSettings,
} from './settings.ts';

/** CSV, JSON Lines and JSON files in one directory. */
export const file: Connector<FileSettings> = {
  type: 'file',
  title: 'CSV, JSON Lines and JSON files in a directory',
  settings: settingsSchema,
  sourceOptions: sourceOptionsSchema,
  destinationOptions: destinationOptionsSchema,
  secrets: [],
  modes(_settings, { stream }) {
    if (!isGlob(stream)) return allModes;
    return { upsert: globRefusal, update: globRefusal, create: globRefusal, mirror: globRefusal };
  },
  sortsByWatermark: () => unsorted,
  connect: (settings, context) => new FileConnection(settings, context),
};
