import { allModes } from '../../model/mode.ts';
import { defineConnector } from '../contract/connector.ts';
import { FileConnection, globRefusal, unsorted } from './connection.ts';
import { isGlob } from './stored/glob.ts';
import {
  destinationOptionsSchema,
  settingsSchema,
  sourceOptionsSchema,
  type FileSettings,
} from './settings.ts';

/** CSV, JSON Lines and JSON files in one directory. */
export const file = defineConnector<FileSettings, FileConnection>({
  type: 'file',
  title: 'CSV, JSON Lines and JSON files in a directory',
  settings: settingsSchema,
  secrets: [],
  source: {
    options: sourceOptionsSchema,
    sortsByWatermark: () => unsorted,
    open: (connection, request, calls) => connection.source(request, calls),
  },
  destination: {
    options: destinationOptionsSchema,
    modes(_settings, { stream }) {
      if (!isGlob(stream)) return allModes;
      return { upsert: globRefusal, update: globRefusal, create: globRefusal, mirror: globRefusal };
    },
    open: (connection, target, calls) => connection.destination(target, calls),
  },
  connect: (settings, { connection }) => new FileConnection(settings, connection),
});
