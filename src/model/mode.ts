/** The modes a sync can run in (DESIGN section 2). */
export const modes = ['upsert', 'update', 'create', 'mirror'] as const;

/** The name of a mode. */
export type Mode = (typeof modes)[number];

/** The operations that a mode allows at the destination. Code asks these, never the mode's name. */
export interface Permissions {
  readonly create: boolean;
  readonly update: boolean;
  readonly remove: boolean;
}

const permissions: Record<Mode, Permissions> = {
  upsert: { create: true, update: true, remove: false },
  update: { create: false, update: true, remove: false },
  create: { create: true, update: false, remove: false },
  mirror: { create: true, update: true, remove: true },
};

/** Returns the permissions of a mode. */
export function permissionsOf(mode: Mode): Permissions {
  return permissions[mode];
}

/** For each mode, `true` when a destination supports it, else the reason why not. */
export type ModeSupport = Readonly<Record<Mode, true | string>>;

/** Support of every mode. */
export const allModes: ModeSupport = { upsert: true, update: true, create: true, mirror: true };
